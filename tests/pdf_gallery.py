# ruff: noqa: E501
"""A notebook with everything that a student's notebook may hold; its pages are for looking at."""

from typing import Any

from pdf_notebooks import code, display, encoded, error, graded, markdown, notebook, picture, raw, stream

PROSE = r"""# Gallery of a notebook

Plain *emphasis*, **strong**, ~~struck~~, `inline code`, H<sub>2</sub>O, x<sup>2</sup>, a [link](https://example.org/a_b) and
https://example.org bare. Emoji 😀 🎉, wide 中文字 and symbols ✓ → ≤ ∑.
- a list right after a line
- with two levels
  1. numbered
  2. numbered, with $x^2$
- [x] done
- [ ] to do

> A quotation with **strong** text and a formula $\alpha + \beta$.

| Method | Error | Remark |
|:-------|------:|:------:|
| k-NN   | 0.12  | *slow* |
| Softmax with a longer name | 0.081 | $O(md)$ |

```python
def f(x):
    return {"key": [x, 1.5, None]}  # a comment
```

Term with a footnote.[^1]

---

[^1]: The footnote's text.
"""

MATHEMATICS = r"""## Mathematics

Inline $\nabla_\theta J(\theta) = \frac{1}{m}\sum_{i=1}^m (h_i - y_i)x_i$, in parentheses \\(a \cdot b\\), spaced $ x + y $.

$$L = \frac{1}{m} \sum_i \left( \log \sum_j e^{a_{ij}} - a_{i y_i} \right) + \frac{\lambda}{2} \|W\|_2^2 \tag{3.1}$$

\begin{align}
\frac{\partial L}{\partial a} &= p - y \\
\frac{\partial L}{\partial W} &= \left(p - y\right) x^\top
\end{align}

$$\operatorname{relu}(z) = \begin{cases} z & \text{if } z > 0, \\ 0 & \text{otherwise;} \end{cases}
\qquad W = \begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}, \quad \begin{pmatrix} a \\ b \end{pmatrix}$$

$$\newcommand{\R}{\mathbb{R}} \newcommand{\norm}[1]{\lVert #1 \rVert} f : \R^n \to \R, \quad \norm{x + y} \le \norm{x} + \norm{y}$$

Later: $\norm{w} \in \R$. Nested: $$\frac{a}{\frac{b}{c}} \ne \frac{\frac{a}{b}}{c}, \quad \sigma(z) = \frac{1}{1 + e^{-z}}$$

$$
a = b \\
c = d
$$

$$\underbrace{a + b}_{\text{sum}} \; \overline{xy} \; \hat{y} \; \binom{n}{k} \; \max_{i \in S} x_i \; \arg\max_\theta p \; \odot \; \cap \; \boxed{E = mc^2}$$

A formula that is far too wide for a page: $$a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_{10} + a_{11} + a_{12} + a_{13} + a_{14} + a_{15} + a_{16} + a_{17} + a_{18} + a_{19} + a_{20}$$
"""

BROKEN = r"""## What goes wrong

Wrong: $\frac{1}{2$ and unknown $\foo{x} + 1$, and displayed: $$\begin{aligned} a &= b \unknowncommand $$

<form action="x"><input name="q"></form>

Some <blink>raw HTML</blink>, and ![a missing picture](missing.png).
"""

FRAME = """<div>
<style scoped>.dataframe tbody tr th { vertical-align: top; }</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;"><th></th><th>loss</th><th>accuracy</th></tr></thead>
  <tbody>
    <tr><th>0</th><td>2.302585</td><td>0.1000</td></tr>
    <tr><th>1</th><td>0.451200</td><td>0.8750</td></tr>
  </tbody>
</table>
</div>"""

WIDE_FRAME = (
    "<table><thead><tr><th></th>"
    + "".join(f"<th>pixel_{n}</th>" for n in range(14))
    + "</tr></thead><tbody>"
    + "".join(f"<tr><th>{r}</th>" + "".join(f"<td>{r * n}.25</td>" for n in range(14)) + "</tr>" for r in range(3))
    + "</tbody></table>"
)

SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="240" height="90">
<rect x="5" y="5" width="230" height="80" fill="none" stroke="black" stroke-width="3"/>
<circle cx="60" cy="45" r="25" fill="steelblue"/><text x="110" y="50" font-size="16">SVG text</text></svg>"""

TRACEBACK = (
    "\x1b[0;31m---------------------------------------------------------------------------\x1b[0m",
    "\x1b[0;31mValueError\x1b[0m                                Traceback (most recent call last)",
    "Cell \x1b[0;32mIn[7], line 2\x1b[0m\n\x1b[1;32m      1\x1b[0m x \x1b[38;5;241m=\x1b[39m \x1b[38;5;241m1\x1b[39m",
    "\x1b[0;31mValueError\x1b[0m: shapes (3,4) and (5,) not aligned",
)


def gallery() -> dict[str, Any]:
    """The gallery notebook."""
    attached = {"plot.png": {"image/png": encoded(picture(size=(200, 120)))}}
    return notebook(
        markdown(PROSE),
        markdown(MATHEMATICS),
        markdown("## Pictures\n\nAttached: ![attached plot](attachment:plot.png)", attachments=attached),
        graded(
            code(
                "def long_line():\n    return 'a string that is long enough to go beyond the right edge of the page, "
                "so that it must be continued'  # and a comment\n\n\nclass Model:\n    @property\n    def size(self):\n        return 3",
                count=1,
            ),
            "long_line",
            "answer",
        ),
        graded(
            code(
                "%%check\ndef test_long_line(student):\n    assert student.long_line()",
                display(text_plain="4.0", text_html=FRAME),
                count=2,
            ),
            "long_line_checks",
            "check",
            4,
        ),
        markdown("## Outputs"),
        code("df", display(text_plain="   loss  accuracy", text_html=FRAME), count=3),
        code("wide", display(text_plain="wide", text_html=WIDE_FRAME), count=4),
        code(
            "plt.plot(x)",
            display(text_plain="<Figure size 640x480>", image_png=encoded(picture(size=(640, 480)))),
            count=5,
        ),
        code(
            "photo, drawing",
            display(text_plain="<JPEG>", image_jpeg=encoded(picture("JPEG"))),
            display(text_plain="<SVG>", image_svg=SVG),
            count=6,
        ),
        code(
            "x = 1\nraise ValueError",
            stream("a \x1b[32mgreen\x1b[0m and \x1b[1;31mbold red\x1b[0m word\n"),
            stream("UserWarning: careful\n", "stderr"),
            error("ValueError", "…", *TRACEBACK),
            count=7,
        ),
        code("for i in range(1000): print(i)", stream("".join(f"line {i}\n" for i in range(1000))), count=8),
        code("print('x' * 500)", stream("x" * 500 + "\n"), count=9),
        code(
            "sympy",
            display(text_latex=r"$\displaystyle \int_0^1 x^2\,dx = \frac{1}{3}$", text_plain="1/3"),
            count=10,
        ),
        code("bad picture", display(image_png="bm90IGEgcGljdHVyZQ==", text_plain="<Figure>"), count=11),
        graded(markdown(BROKEN), "broken", "written", 3),
        raw("A raw cell:\n  kept   as it is"),
        code("", count=None),
        markdown(""),
    )
