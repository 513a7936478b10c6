"""One concern per file, pure ASGI; `app.create_app` composes them in one order."""
