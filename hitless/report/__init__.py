"""What people and pipelines read: verdict.json, junit.xml, Allure results, report.html, charts and the final table."""
