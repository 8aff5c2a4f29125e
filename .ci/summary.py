"""Adds up lit's result files into one closing line.

A result file that is missing or unreadable counts as a failure, because lit
did not get as far as writing it.
"""

import json
import sys

PASSED = {"PASS", "FLAKYPASS", "XFAIL"}
SKIPPED = {"UNSUPPORTED", "SKIPPED", "EXCLUDED"}

passed, failed, skipped = 0, [], []
for path in sys.argv[1:]:
    try:
        with open(path) as file:
            tests = json.load(file)["tests"]
    except (OSError, ValueError, KeyError) as error:
        failed.append(f"{path}: {error}")
        continue
    for test in tests:
        if test["code"] in PASSED:
            passed += 1
        elif test["code"] in SKIPPED:
            skipped.append(test["name"])
        else:
            failed.append(f"{test['code']}: {test['name']}")
if not passed and not failed:
    failed.append("no test ran")

for name in skipped:
    print("skipped:", name)
for name in failed:
    print("failed:", name)
line = f"{passed} passed, {len(failed)} failed"
print(line + (f", {len(skipped)} skipped" if skipped else ""))
sys.exit(1 if failed else 0)
