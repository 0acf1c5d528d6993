"""``toolace offline-model``: options of the commands that have the embedded model serve.

Belongs here: their options and help. Does not belong here: the server.
"""

from __future__ import annotations

from typing import Annotated

import typer

from toolace_dagster.cli.commands.options import group
from toolace_dagster.cli.console import say

offline = group("The embedded offline model.")


@offline.command("serve")
def offline_serve(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8808,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    error_rate: Annotated[float, typer.Option(help="Factor on the documented error rates.")] = 1.0,
    latency: Annotated[float, typer.Option(help="Seconds each answer is held back.")] = 0.0,
    batch_seconds: Annotated[float, typer.Option(min=0, help="Seconds a batch takes.")] = 0.0,
    batch_failing: Annotated[float, typer.Option(min=0, max=1, help="Share of a batch's lines that fail.")] = 0.0,
) -> None:
    """Serve the offline model over HTTP as an OpenAI-compatible endpoint, for load tests."""
    from toolace_dagster.llm.offline import serve

    url = f"http://{host}:{port}/v1"
    say(f"The offline model answers at {url} (Ctrl-C stops it). To use it, with any text as OPENAI_API_KEY:")
    say(f"  toolace run --model offline-served --base-url {url}")
    serve(
        host=host,
        port=port,
        error_rate=error_rate,
        latency=latency,
        batch_seconds=batch_seconds,
        batch_failing=batch_failing,
    )
