"""The connection to Temporal, alike for the relay and for the worker."""

from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.contrib.pydantic import pydantic_data_converter

from chassis.settings import ProcessSettings
from chassis.telemetry import Telemetry


async def connect(settings: ProcessSettings, telemetry: Telemetry) -> Client:
    """A client that carries traces and speaks the contracts' messages as JSON. Errors: RuntimeError where nobody answers."""
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=pydantic_data_converter,
        interceptors=[TracingInterceptor(telemetry.tracer)],
        identity=f"{telemetry.service}-{settings.instance}",
    )
