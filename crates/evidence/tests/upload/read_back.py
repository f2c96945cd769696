"""Downloads all of a bucket, and counts its records through DuckDB: ENDPOINT BUCKET PREFIX FOLDER. Prints how many files and records."""

import sys
from pathlib import Path

import boto3
import duckdb
import duckdb_extension_httpfs


def main(endpoint, bucket, prefix, folder):
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="secret",
    )
    files = 0
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            path = Path(folder) / entry["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, entry["Key"], str(path))
            files += 1

    engine = duckdb.connect()
    extensions = Path(duckdb_extension_httpfs.__file__).parent / "extensions"
    engine.execute(f"LOAD '{next(extensions.glob('*/httpfs.duckdb_extension'))}'")
    engine.execute(
        f"""CREATE SECRET (TYPE s3, KEY_ID 'test', SECRET 'secret', REGION 'us-east-1', URL_STYLE 'path', USE_SSL false,
        ENDPOINT '{endpoint.removeprefix("http://")}')"""
    )
    store = f"s3://{bucket}/{prefix}/sensor=*/date=*/hour=*/*.parquet"
    (records,) = engine.execute(
        f"SELECT count(DISTINCT offport_flow_id) FROM read_parquet('{store}', hive_partitioning = true)"
    ).fetchone()
    print(files, records)


main(*sys.argv[1:])
