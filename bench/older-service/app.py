"""How the older service stages, re-created from its public description for the bench, and only as far as that goes.

A request copies with the `cp` command while the event loop waits, as the original does; checks before it whether source
and destination exist, sets the copy read-only, commits one record (to SQLite as Python sets it up, durably, as the
original's MySQL did), and writes log lines. In doubt it gets the faster way: no access log, and no flush of the data.
"""

import logging
import os
import sqlite3
import subprocess
from pathlib import Path
from typing import Literal

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

STORAGE = Path(os.environ["SOURCE_STORAGE_PATH"])
AREAS = Path(os.environ["TARGET_STORAGE_PATH"])

logging.basicConfig(
    filename="staging_service.log", level=logging.INFO, format="%(asctime)s - %(name)s - %(levelname)s - %(message)s"
)
log = logging.getLogger("staging")

database = sqlite3.connect("staging.sqlite", check_same_thread=False)
database.execute(
    "CREATE TABLE data_staging"
    " (id INTEGER PRIMARY KEY, local_path_on_storage TEXT, relative_path TEXT, status TEXT, error_reason TEXT)"
)

app = FastAPI()


class StageRequest(BaseModel):
    local_path_on_storage: str
    relative_path: str


def record(request: StageRequest, status: str, reason: str = None) -> None:
    with database:
        database.execute(
            "INSERT INTO data_staging (local_path_on_storage, relative_path, status, error_reason) VALUES (?, ?, ?, ?)",
            (request.local_path_on_storage, request.relative_path, status, reason),
        )


@app.get("/config/")
async def config():
    return {
        "source_storage_path": str(STORAGE),
        "target_storage_path": str(AREAS),
        "allowed_methods": ["local_copy"],
    }


@app.post("/stage-data/")
async def stage(request: StageRequest, method: Literal["local_copy"], username: str):
    log.info("Request of %s: %s to %s by %s", username, request.local_path_on_storage, request.relative_path, method)
    source = STORAGE / request.local_path_on_storage
    target = AREAS / username / request.relative_path
    if not source.exists():
        record(request, "failure", "Source path does not exist")
        raise HTTPException(400, f"Source path does not exist: {request.local_path_on_storage}")
    if target.exists():
        record(request, "success")
        return {"status": "success", "message": f"Data already available at {request.relative_path}"}
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["cp", "-r", str(source), str(target)], check=True, capture_output=True)
        os.chmod(target, 0o400)
    except (OSError, subprocess.CalledProcessError) as error:
        log.exception("Copying %s failed", source)
        record(request, "failure", str(error))
        raise HTTPException(500, "Copying failed") from error
    record(request, "success")
    log.info("Copied %s to %s", source, target)
    return {"status": "success", "message": f"Data staged for user {username} with method {method}"}
