"""TRex's field engine the slow way: one packet after the other, each instruction on memory that it changes."""

from __future__ import annotations

_LCG = (214013, 2531011)


class Random:
    def __init__(self, seed):
        self.state = seed & 0xFFFFFFFF

    def draw(self):
        self.state = (self.state * _LCG[0] + _LCG[1]) & 0xFFFFFFFF
        return (self.state >> 16) & 0x7FFF

    def number(self, size):
        if size <= 2:
            return self.draw()
        high = self.draw()
        half = (high << 16) + self.draw()
        if size == 4:
            return half
        upper = self.draw()
        return (half << 32) + (upper << 16) + self.draw()


class Machine:
    """Runs a program given as TRex's JSON; `seed` is the stream's random seed."""

    def __init__(self, instructions, template, seed=0):
        self.instructions, self.template = instructions, template
        self.random = Random((seed or 1) * 514229)
        self.memory, self.sizes, self.repeated, self.indexes = {}, {}, {}, {}
        self.flows = {}
        for each in instructions:
            if each["type"] == "tuple_flow_var":
                self._prepare_tuple(each)
            elif each["type"].startswith("flow_var"):
                self._prepare(each)

    def _range(self, each):
        low, high, step = each["min_value"], each["max_value"], each.get("step", 1)
        missing = -(high - low + 1) % step
        return (low - missing, high) if each["op"] == "dec" else (low, high + missing)

    def _prepare(self, each):
        name = each["name"]
        self.sizes[name] = each["size"]
        if each["type"] == "flow_var_rand_limit":
            self.memory[name], self.repeated[name] = 0, (Random(each["seed"]), 0)
        elif each.get("value_list"):
            count = len(each["value_list"])
            start = 0 if each["op"] == "inc" else count - 1
            step = each["step"] % count
            back = {"inc": start - step, "dec": start + step, "random": start}[each["op"]]
            self.memory[name], self.indexes[name] = back % count, start
        elif each["op"] == "random":
            self.memory[name] = each["init_value"]
        else:
            low, high = self._range(each)
            step = each["step"] if each["op"] == "inc" else -each["step"]
            self.memory[name] = low + (each["init_value"] - low - step) % (high - low + 1)

    def _prepare_tuple(self, each):
        name = each["name"]
        self.memory |= {f"{name}.ip": each["ip_max"], f"{name}.port": each["port_max"], f"{name}.flow_limit": 0}
        self.sizes |= {f"{name}.ip": 4, f"{name}.port": 2, f"{name}.flow_limit": 4}

    def packet(self):
        packet, at = bytearray(self.template), 0
        while at < len(self.instructions):
            each = self.instructions[at]
            skips = getattr(self, "_" + each["type"])(each, packet)
            at += 1
            if skips:
                while at < len(self.instructions) and self.instructions[at - 1].get("next_var"):
                    at += 1
        return bytes(packet)

    def _flow_var(self, each, packet):
        """Returns whether the variable that follows is left alone."""
        name, step = each["name"], each["step"]
        if each.get("value_list"):
            return self._walk(each)
        if each["op"] == "random":
            low, high = each["min_value"], each["max_value"]
            self.memory[name] = low + self.random.number(each["size"]) % (high - low + 1)
            return False
        low, high = self._range(each)
        step %= high - low + 1
        left = high - self.memory[name] if each["op"] == "inc" else self.memory[name] - low
        if each["op"] == "inc":
            self.memory[name] = self.memory[name] + step if step <= left else low + step - left - 1
        else:
            self.memory[name] = self.memory[name] - step if step <= left else high - (step - left - 1)
        return left >= step

    def _walk(self, each):
        name, members = each["name"], each["value_list"]
        if each["op"] == "random":
            self.memory[name] = members[self.random.draw() % len(members)]
            return False
        index, step = self.indexes[name], each["step"] % len(members)
        self.memory[name] = members[index]
        self.indexes[name] = (index + (step if each["op"] == "inc" else -step)) % len(members)
        return index >= step if each["op"] == "inc" else index + step < len(members)

    def _flow_var_rand_limit(self, each, packet):
        random, count = self.repeated[each["name"]]
        if count == each["limit"]:
            random, count = Random(each["seed"]), 0
        low, high = each["min_value"], each["max_value"]
        self.memory[each["name"]] = low + random.number(each["size"]) % (high - low + 1)
        self.repeated[each["name"]] = (random, count + 1)
        return count != 0

    def _tuple_flow_var(self, each, packet):
        name, ips = each["name"], each["ip_max"] - each["ip_min"] + 1
        ports = each["port_max"] - each["port_min"] + 1
        flow = self.flows[name] = self.flows.get(name, -1) + 1
        if each["limit_flows"]:
            flow = self.flows[name] = flow % each["limit_flows"]
            self.memory[f"{name}.flow_limit"] = flow + 1
        self.memory[f"{name}.ip"] = each["ip_min"] + flow % ips
        self.memory[f"{name}.port"] = each["port_min"] + flow // ips % ports

    def _write_flow_var(self, each, packet):
        size = self.sizes[each["name"]]
        value = (self.memory[each["name"]] + each["add_value"]) % (1 << 8 * size)
        order = "big" if each["is_big_endian"] else "little"
        packet[each["pkt_offset"] : each["pkt_offset"] + size] = value.to_bytes(size, order)

    def _write_mask_flow_var(self, each, packet):
        size, big_endian = self.sizes[each["name"]], each["is_big_endian"]
        value = self.memory[each["name"]]
        if size == 8 and big_endian:
            value >>= 32
        value = (value + each["add_value"]) & 0xFFFFFFFF
        value = value << each["shift"] if each["shift"] > 0 else value >> -each["shift"]
        width, order = (each["pkt_cast_size"], "big") if big_endian else (min(size, 4), "little")
        part = slice(each["pkt_offset"], each["pkt_offset"] + width)
        present = int.from_bytes(packet[part], order)
        written = (present & ~each["mask"]) | (value & each["mask"])
        packet[part] = (written & ((1 << 8 * width) - 1)).to_bytes(width, order)
