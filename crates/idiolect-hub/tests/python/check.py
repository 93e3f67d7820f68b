"""What `huggingface_hub` makes of the Hub that the tests of this crate ask.

Usage: check.py ENDPOINT GOOD_TOKEN POOR_TOKEN CACHE OURS FOLDER
Needs huggingface_hub (2.4.0 was tried); the test `python` of idiolect-hub calls it where IDIOLECT_PYTHON names a
Python that has it. CACHE is an empty folder; OURS is a cache that this crate has filled with the file
`model.safetensors` of owner/name and the data set owner/rows. The files of FOLDER are uploaded to owner/theirs, which
is made. Prints one line of JSON.
"""

import json
import os
import sys

endpoint, good, poor, cache, ours, upload = sys.argv[1:]
os.environ.update(HF_ENDPOINT=endpoint, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1",
                  HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HOME=cache)
os.environ.pop("HF_TOKEN", None)
os.environ.pop("HF_HUB_OFFLINE", None)

import huggingface_hub as hub  # noqa: E402
from huggingface_hub import errors  # noqa: E402


def refused(**what):
    """The name of the error that a download ends with."""
    try:
        hub.hf_hub_download(filename="config.json", cache_dir=cache, **what)
    except errors.HfHubHTTPError as error:
        return [type(error).__name__, error.response.status_code]
    return "downloaded"


def read(path):
    with open(path, "rb") as file:
        return len(file.read())


found = {"version": hub.__version__}
found["large"] = read(hub.hf_hub_download("owner/name", "model.safetensors", cache_dir=cache))
found["revision"] = read(hub.hf_hub_download("owner/name", "config.json", revision="v1", cache_dir=cache))
found["no revision"] = refused(repo_id="owner/name", revision="v9")
found["renamed"] = read(hub.hf_hub_download("old/name", "config.json", cache_dir=cache))
found["gated, nobody"] = refused(repo_id="owner/gated", token=False)
found["gated, poor"] = refused(repo_id="owner/gated", token=poor)
found["gated, good"] = refused(repo_id="owner/gated", token=good)
found["private, nobody"] = refused(repo_id="owner/private", token=False)
found["wrong token"] = refused(repo_id="owner/name", revision="refs/pr/1", token="hf_spelled_wrong")
try:
    hub.hf_hub_download("owner/name", "no.json", cache_dir=cache)
except errors.EntryNotFoundError:
    found["no file"] = "EntryNotFoundError"
folder = hub.snapshot_download("owner/rows", repo_type="dataset", cache_dir=cache, allow_patterns="*.jsonl")
found["data set"] = sorted(name for _, _, names in os.walk(folder) for name in names)
# The connection of this file breaks off twice.
found["broken"] = read(hub.hf_hub_download("owner/broken", "model.safetensors", cache_dir=cache))

# What this crate has written, read without the network.
found["ours"] = read(hub.hf_hub_download("owner/name", "model.safetensors", cache_dir=ours, local_files_only=True))
folder = hub.snapshot_download("owner/rows", repo_type="dataset", cache_dir=ours, local_files_only=True)
found["our data set"] = sorted(name for _, _, names in os.walk(folder) for name in names)
scan = hub.scan_cache_dir(ours)
found["warnings"] = [str(warning) for warning in scan.warnings]
found["repositories"] = sorted(f"{repo.repo_type} {repo.repo_id} {repo.nb_files}" for repo in scan.repos)
hub.create_repo("owner/theirs", token=good)
hub.create_repo("owner/theirs", token=good, exist_ok=True)
found["commit"] = len(hub.upload_folder(repo_id="owner/theirs", folder_path=upload, token=good).oid)
try:
    hub.create_repo("owner/poor", token=poor)
except errors.HfHubHTTPError as error:
    found["no rights"] = error.response.status_code
print(json.dumps(found))
