"""The VIM: servers, flavours and images in the shapes of OpenStack; a server is one unit of the VNF."""
