"""Define the page as a marimo app that turns the address into one widget."""

import marimo

app = marimo.App(width="full", app_title="TADA explorer")


@app.cell
def _():
    import marimo as mo

    from theory.explore.widget import Explorer

    return Explorer, mo


@app.cell
def _(mo):
    query = mo.query_params().to_dict()
    return (query,)


@app.cell
def _(Explorer, mo, query):
    explorer = mo.ui.anywidget(Explorer(query))
    explorer  # noqa: B018  the last expression of a cell is what it shows
    return (explorer,)


if __name__ == "__main__":
    app.run()
