"""The OpenAPI schema and its browsable page, within the strict CSP."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularSwaggerSplitView


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "core.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:  # OpenAPI's JSON
        return {"type": "http", "scheme": "bearer", "description": "A key of one project."}


class ApiDocsView(SpectacularSwaggerSplitView):
    """Swagger UI with its script at its own address and no inline style."""

    template_name = "core/api_docs.html"
