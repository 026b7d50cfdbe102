"""What Schemathesis is told beyond the API's description (hooks of schemathesis.sh).

Made-up ids lead to 404 and no further, so every second request is about something that is there (of those that delete, every
eighth). Nothing that is made up leads off this machine. What the calls and the key stand on stays as it is. At the end, which
operations never succeeded goes to the file API_UNREACHED.
"""

import atexit
import collections
import contextlib
import functools
import json
import os
import urllib.error
import urllib.request

import schemathesis

API = os.environ["API"]
KEY = os.environ["KEY"]
SINK = os.environ["API_SINK"]
# These succeed with 101, which only a WebSocket gets.
EXEMPT = {"GET /v1.0/ws", "GET /sip"}
# What would take the ground from under the test.
CHANGING = {"DELETE", "PUT"}
STRANGER = "00000000-0000-4000-8000-000000000000"
# The list in which the ids of another path stand.
LISTS = {"recordingfiles": "recordings"} | {f"timelines/{of}": of for of in ("calls", "activeflows", "conferences", "flows")}

asked = collections.Counter()
succeeded = {}


def items(resource):
    """What is there of this kind at the moment."""
    request = urllib.request.Request(f"{API}/v1.0/{resource}?page_size=100", headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)["result"]


@functools.cache
def foundations():
    """The ids of what the server was provisioned with and this test needs to the end: the first request finds nothing else."""
    kinds = ("accesskeys", "conferences", "flows", "numbers")
    return {item["id"] for kind in kinds for item in items(kind) if item.get("name") != "spare"}


def start_recording(conference):
    """Has the mix of a conference recorded, unless it is already."""
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{API}/v1.0/conferences/{conference['id']}/recording_start"
    request = urllib.request.Request(url, method="POST", headers=headers)
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=5):
        pass


def homeward(value):
    """The same, but each address of the web is the one of our own receiver."""
    if isinstance(value, dict):
        return {key: homeward(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [homeward(inner) for inner in value]
    if isinstance(value, str) and value.lower().lstrip().startswith("http"):
        return SINK
    return value


def real_id(case, number):
    """An id of what the path is about; none if it is a made-up one's turn, or nothing is there."""
    resource = case.path.removeprefix("/v1.0/").split("/{id}")[0]
    resource = LISTS.get(resource, resource)
    if number % (8 if case.method == "DELETE" else 2):
        return None
    there = [item for item in items(resource) if case.method not in CHANGING or item["id"] not in foundations()]
    if resource in ("calls", "activeflows") and (case.method == "DELETE" or case.path.endswith(("hangup", "stop", "variables"))):
        # Those that have not ended, as long as there are some.
        there = [item for item in there if item["status"] in ("progressing", "running")] or there
    if case.path.endswith(("recording_start", "recording_stop")):
        there = [item for item in there if item["conferencecall_ids"]] or there
        if case.path.endswith("recording_stop") and there:
            start_recording(there[number // 8 % len(there)])
    return there[number // 8 % len(there)]["id"] if there else None


@schemathesis.hook
def before_call(context, case, kwargs):
    foundations()
    number = asked[case.method, case.path]
    asked[case.method, case.path] += 1
    case.body = homeward(case.body)
    if case.path.endswith("/auth/login") and number % 2 == 0:
        case.body = {"username": "wire", "password": "load-wire"}
    if "{id}" in case.path and isinstance(case.path_parameters, dict):
        found = real_id(case, number)
        if "{call_id}" in case.path and number % 2 == 0:
            # A bridge, and somebody who is in it.
            for bridge in items("confbridges"):
                if bridge["channel_call_ids"]:
                    found = bridge["id"]
                    case.path_parameters["call_id"] = bridge["channel_call_ids"][0]
        if found:
            case.path_parameters["id"] = found
        elif case.method in CHANGING and case.path_parameters.get("id") in foundations():
            case.path_parameters["id"] = STRANGER


@schemathesis.hook
def after_call(context, case, response):
    operation = f"{case.method} {case.path}"
    if case.method != case.operation.method.upper():
        return  # a method that the path has not
    succeeded[operation] = succeeded.get(operation, False) or 200 <= response.status_code < 300


@atexit.register
def tell():
    with open(os.environ["API_UNREACHED"], "w", encoding="utf-8") as file:
        for operation in sorted(name for name, well in succeeded.items() if not well and name not in EXEMPT):
            print(operation, file=file)
        if not succeeded:
            print("every one: nothing was asked", file=file)
