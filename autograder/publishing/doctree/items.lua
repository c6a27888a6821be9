-- A pandoc reader for many small texts at once: standard input is JSON, a list of {kind, text}.
-- Each text is parsed by itself, so that nothing in one (an unclosed fence, a comment, a link
-- definition) reaches another. Nothing is read from disk: the last argument of pandoc.read names
-- the files that a reader may open, and there are none.
-- The number of each item goes to standard error, so that one that never ends can be named.

local MARKDOWN = "commonmark+pipe_tables+strikeout+task_lists+autolink_bare_uris+footnotes"

local function parse(text, format)
  return pandoc.Div(pandoc.read(text, format, pandoc.ReaderOptions{}, {}).blocks)
end

local function math(kind, text)
  local formula = pandoc.Pandoc{pandoc.Plain{pandoc.Math(kind, text)}}
  return pandoc.CodeBlock(pandoc.write(formula, "typst"))
end

local function mathml(kind, text)
  local formula = pandoc.Pandoc{pandoc.Plain{pandoc.Math(kind, text)}}
  return pandoc.CodeBlock(pandoc.write(formula, "html", pandoc.WriterOptions{html_math_method = "mathml"}))
end

local kinds = {
  markdown = function(text) return parse(text, MARKDOWN) end,
  html = function(text) return parse(text, "html-native_divs-native_spans") end,
  display = function(text) return math("DisplayMath", text) end,
  inline = function(text) return math("InlineMath", text) end,
  ["mathml display"] = function(text) return mathml("DisplayMath", text) end,
  ["mathml inline"] = function(text) return mathml("InlineMath", text) end,
}

function Reader(input)
  local blocks = {}
  for number, item in ipairs(pandoc.json.decode(tostring(input), false)) do
    io.stderr:write("item ", number - 1, "\n")
    local fine, block = pcall(kinds[item[1]], item[2])
    blocks[number] = fine and block or pandoc.HorizontalRule()
  end
  return pandoc.Pandoc(blocks)
end
