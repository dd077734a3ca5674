"""The cells of a notebook that trains the lesson's model by a loop and shows it as tutorials do.

Each way draws the loss, intervals of the five latents and the two panels with the data, the mean and two bands: the
dashboard without its slopes, evidence and verdict. livelossplot draws the loss alone, as it is made for.
"""

from __future__ import annotations

SETUP = """
import time
import ipywidgets, numpy as np, pyro, torch
from IPython.display import clear_output, display
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoDiagonalNormal
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.model import BayesianRegression

vars(get_ipython().display_pub).pop("publish", None)  # of the way before

data = RegressionData.rugged()
x = torch.tensor(data.features, dtype=torch.float)
y = torch.tensor(data.targets, dtype=torch.float)
group, predictor, target = data.features[:, 0], data.features[:, 1], data.targets
grid = np.linspace(predictor.min(), predictor.max(), 30)
noise = np.random.default_rng(0).standard_normal((800, 1))

pyro.clear_param_store()
pyro.set_rng_seed(1)
model = BayesianRegression()
guide = AutoDiagonalNormal(model)
svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.03}), Trace_ELBO())
losses, log, sent = [], [], {}


def posterior():
    with torch.no_grad(), pyro.plate("draws", 800):
        draws = guide(x, y)
    weight = draws["linear.weight"].reshape(800, 3).numpy()
    bias = draws["linear.bias"].reshape(800, 1).numpy()
    sigma = draws["sigma"].reshape(800, 1).numpy()
    intervals = np.quantile(np.hstack([bias, weight, sigma]), [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    panels = []
    for number in (0, 1):
        mean = bias + weight[:, :1] * number + (weight[:, 1:2] + weight[:, 2:] * number) * grid
        line, rows = (np.quantile(of, [0.05, 0.95], 0) for of in (mean, mean + sigma * noise))
        panels.append((mean.mean(0), line, rows))
    return intervals, panels


def train(seconds, every=None, draw=None):
    end = time.time() + seconds
    while time.time() < end:
        losses.append(svi.step(x, y))
        if every and len(losses) % every == 0:
            draw()
            log.append((time.time(), len(losses)))


def bare(seconds):
    began, processor, before = time.perf_counter(), time.process_time(), len(losses)
    train(seconds)
    steps = len(losses) - before
    return [steps / (time.perf_counter() - began), (time.process_time() - processor) / steps]


train(0.3)
losses.clear()
"""

# Notes when a picture is sent, by the end of its text, which differs from picture to picture.
SENT_PICTURES = """
_publisher = get_ipython().display_pub

def _noting(data, *args, **kwargs):
    if png := data.get("image/png"):
        text = png.decode() if isinstance(png, bytes) else png
        sent[text.strip()[-60:]] = time.time()
    return type(_publisher).publish(_publisher, data, *args, **kwargs)

_publisher.publish = _noting
"""

MATPLOTLIB = f"""
import matplotlib.pyplot as plt
{SENT_PICTURES}

def draw():
    intervals, panels = posterior()
    figure, axes = plt.subplots(2, 2, figsize=(10, 7))
    axes[0, 0].plot(losses)
    axes[0, 0].set_title(f"loss, step {{len(losses)}}")
    axes[0, 1].hlines(range(5), intervals[0], intervals[4])
    axes[0, 1].hlines(range(5), intervals[1], intervals[3], linewidth=4)
    axes[0, 1].plot(intervals[2], range(5), "o")
    for number, (ax, (mean, line, rows)) in enumerate(zip(axes[1], panels)):
        ax.fill_between(grid, *rows, alpha=0.2)
        ax.fill_between(grid, *line, alpha=0.4)
        ax.plot(grid, mean)
        ax.plot(predictor[group == number], target[group == number], "o", markersize=3)
    clear_output(wait=True)
    plt.show()
"""

LIVELOSSPLOT = f"""
from livelossplot import PlotLosses
{SENT_PICTURES}
plot = PlotLosses()

def draw():
    plot.update({{"loss": losses[-1]}})
    plot.send()
"""

BQPLOT = """
import bqplot

def line_figure(*marks, **scales):
    axes = [bqplot.Axis(scale=scales["x"]), bqplot.Axis(scale=scales["y"], orientation="vertical")]
    return bqplot.Figure(marks=list(marks), axes=axes)

def scales():
    return {"x": bqplot.LinearScale(), "y": bqplot.LinearScale()}

of_loss, of_intervals = scales(), scales()
loss_line = bqplot.Lines(x=[0, 1], y=[0, 1], scales=of_loss)
latents = np.repeat(np.arange(5.0)[:, None], 2, axis=1)
outer = bqplot.Lines(x=np.zeros((5, 2)), y=latents, scales=of_intervals, colors=["steelblue"])
inner = bqplot.Lines(x=np.zeros((5, 2)), y=latents, scales=of_intervals, colors=["steelblue"], stroke_width=5)
middle = bqplot.Scatter(x=np.zeros(5), y=np.arange(5.0), scales=of_intervals)
figures = [line_figure(loss_line, **of_loss), line_figure(outer, inner, middle, **of_intervals)]
means, lines, rows = [], [], []
for number in (0, 1):
    of_panel = scales()
    dots = bqplot.Scatter(x=predictor[group == number], y=target[group == number], scales=of_panel, default_size=12)
    means.append(bqplot.Lines(x=grid, y=grid, scales=of_panel))
    for bands, opacity in ((rows, 0.2), (lines, 0.4)):
        looks = {"fill": "between", "fill_opacities": [opacity], "opacities": [0, 0]}
        bands.append(bqplot.Lines(x=[grid, grid], y=[grid, grid], scales=of_panel, **looks))
    figures.append(line_figure(rows[-1], lines[-1], means[-1], dots, **of_panel))
for figure in figures:
    figure.layout = ipywidgets.Layout(width="500px", height="350px")
label = ipywidgets.Label("step 0").add_class("naive-step")
display(ipywidgets.VBox([label, ipywidgets.HBox(figures[:2]), ipywidgets.HBox(figures[2:])]))

def draw():
    intervals, panels = posterior()
    sent[str(len(losses))] = time.time()
    with loss_line.hold_sync():
        loss_line.x, loss_line.y = np.arange(len(losses)), np.array(losses)
    outer.x, inner.x, middle.x = intervals[[0, 4]].T, intervals[[1, 3]].T, intervals[2]
    for number, (mean, line, row) in enumerate(panels):
        means[number].y, lines[number].y, rows[number].y = mean, line, row
    label.value = f"step {len(losses)}, loss {losses[-1]:.1f}"
"""

PLOTLY = """
import plotly.graph_objects as go
from plotly.subplots import make_subplots

shown = go.FigureWidget(make_subplots(rows=2, cols=2))
shown.update_layout(width=1000, height=700, showlegend=False, title="step 0")
shown.add_scatter(y=[0.0], row=1, col=1)
shown.add_scatter(row=1, col=2, mode="lines")
shown.add_scatter(row=1, col=2, mode="lines", line_width=5)
shown.add_scatter(row=1, col=2, mode="markers", y=np.arange(5.0))
for number in (0, 1):
    here = {"row": 2, "col": number + 1}
    for opacity in (0.2, 0.4):
        shown.add_scatter(x=grid, y=grid, line_width=0, **here)
        filled = {"fill": "tonexty", "fillcolor": f"rgba(70, 130, 180, {opacity})"}
        shown.add_scatter(x=grid, y=grid, line_width=0, **filled, **here)
    shown.add_scatter(x=grid, y=grid, **here)
    shown.add_scatter(x=predictor[group == number], y=target[group == number], mode="markers", **here)
display(shown)

def joined(low, high):
    return np.stack([low, high, np.full(5, np.nan)], axis=1).ravel(), np.repeat(np.arange(5.0), 3)

def draw():
    intervals, panels = posterior()
    sent[f"step {len(losses)}"] = time.time()
    with shown.batch_update():
        shown.data[0].y = losses
        shown.data[1].x, shown.data[1].y = joined(intervals[0], intervals[4])
        shown.data[2].x, shown.data[2].y = joined(intervals[1], intervals[3])
        shown.data[3].x = intervals[2]
        for number, (mean, line, row) in enumerate(panels):
            for at, curve in enumerate([*row, *line, mean], start=4 + 6 * number):
                shown.data[at].y = curve
        shown.layout.title.text = f"step {len(losses)}"
"""

# Notes when frames are sent, and lets training go on without any.
OURS = """
import time
from rugged_widget import RuggedWidget
widget = RuggedWidget(num_steps=10**9, speed={speed!r}, engine={engine!r})
sent = {{}}
_stream, _ready = widget.children[-1], widget._dashboard.ready
_push = _stream.push

def _noting(changes, summary):
    at = time.time()
    _push(changes, summary)
    sent[str(widget.step)] = at

_stream.push = _noting

def page(moves):
    widget._dashboard.ready = _ready if moves else lambda: False

def state():
    return [time.time(), widget.step, time.process_time()]
{pace}
widget
"""

PACE = """
from rugged_widget.view.frames.page_pace import PagePace

class ByTheClock(PagePace):
    seconds = 1 / {rate}

_stream._pace = ByTheClock()
_stream._forget()
"""
