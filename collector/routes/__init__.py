"""The application's routes, one file per thing served; each has `add(app, settings)`."""
