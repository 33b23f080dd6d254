"""The look of every figure: colours, lines, fillings, and the settings that matplotlib draws with.

Black is ink: on a page it follows the text colour (see svg.py), and all text is ink. The other
colours are those of Okabe and Ito (2008) that keep a contrast of 3:1 both on white and on the dark
theme. Series differ by line, marker or filling too, never by colour alone.
"""

INK, BLUE, VERMILION, GREEN, PURPLE = "#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7"
LINES = (
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": VERMILION, "linestyle": "--", "marker": "s"},
    {"color": GREEN, "linestyle": "-.", "marker": "^"},
    {"color": PURPLE, "linestyle": ":", "marker": "D"},
    {"color": INK, "linestyle": (0, (6, 2, 1, 2, 1, 2)), "marker": "v"},
)
FILLINGS = (
    {"facecolor": "none", "edgecolor": INK},
    {"facecolor": BLUE, "edgecolor": BLUE},
    {"facecolor": "none", "edgecolor": VERMILION, "hatch": "////"},
    {"facecolor": "none", "edgecolor": GREEN, "hatch": "xxxx"},
    {"facecolor": "none", "edgecolor": PURPLE, "hatch": "...."},
)
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "hatch.linewidth": 1.2,
    "legend.frameon": False,
    "legend.loc": "upper right",  # never "best", which may jump from frame to frame
    "lines.linewidth": 2,
    "lines.markersize": 5,
}
