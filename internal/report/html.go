package report

import (
	_ "embed"
	"html"
	"html/template"
	"strings"
)

//go:embed mail.html.tmpl
var mailTemplate string

// hypertextTemplate is parsed once and only read afterwards. A defect in it is found by every test of this package.
var hypertextTemplate, errTemplate = template.New("mail").Funcs(template.FuncMap{
	"lines": func(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") },
	"style": func(name string) template.CSS { return styles[name] },
	"pill":  func(t tone) template.CSS { return styles["pill"] + template.CSS(background(t)) },
	"edge":  func(t tone) template.CSS { return styles["edge"] + template.CSS(background(t)) },
}).Parse(mailTemplate)

// hypertext is the document as a mail's HTML. A mail is always better than none, so a failing template gives the text instead.
func hypertext(d document) string {
	made, err := tryHypertext(d)
	if err != nil {
		return "<!doctype html><html><body><pre>" + html.EscapeString(plain(d)) + "</pre></body></html>"
	}
	return made
}

func tryHypertext(d document) (string, error) {
	if errTemplate != nil {
		return "", errTemplate
	}
	var out strings.Builder
	err := hypertextTemplate.Execute(&out, d)
	return out.String(), err
}

// Mail programs know little CSS: styles stand in each element, and the style sheet only repaints them for the dark. Class names are
// those of mail.html.tmpl.
var styles = map[string]template.CSS{
	"page":  `margin:0;padding:0;background:#eef1f4;color:#1c2530;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.5;`,
	"sheet": `width:100%;max-width:760px;background:#ffffff;border:1px solid #d9dfe6;border-radius:8px;border-collapse:separate;`,
	"edge":  `height:6px;line-height:6px;font-size:1px;border-radius:7px 7px 0 0;`,
	"top":   `padding:22px 28px 8px 28px;`,
	"what":  `color:#5a6675;font-size:13px;padding-left:10px;`,
	"h1":    `margin:12px 0 8px 0;font-size:21px;line-height:1.35;font-weight:600;`,
	"lead":  `margin:0 0 10px 0;`,
	"part":  `padding:14px 28px;border-top:1px solid #e4e9ee;`,
	"h2":    `margin:0 0 10px 0;font-size:16px;line-height:1.4;font-weight:600;`,
	"p":     `margin:8px 0 4px 0;`,
	"bold":  `margin:14px 0 4px 0;font-weight:600;`,
	"table": `width:100%;border-collapse:collapse;margin:4px 0 10px 0;`,
	"th":    `text-align:left;vertical-align:bottom;padding:4px 12px 4px 0;border-bottom:1px solid #c9d1d9;color:#5a6675;font-size:12px;font-weight:600;white-space:nowrap;`,
	"td":    `text-align:left;vertical-align:top;padding:4px 14px 4px 0;border-bottom:1px solid #e9edf1;`,
	"tight": `white-space:nowrap;`,
	"label": `text-align:left;vertical-align:top;padding:3px 14px 3px 0;color:#5a6675;white-space:nowrap;width:1%;font-weight:400;`,
	"value": `text-align:left;vertical-align:top;padding:3px 0;overflow-wrap:anywhere;word-break:break-word;`,
	"code":  `margin:4px 0 10px 0;padding:10px 12px;background:#f3f5f8;border:1px solid #dde3e9;border-radius:6px;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12.5px;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere;word-break:break-word;`,
	"list":  `margin:4px 0 10px 0;padding:0 0 0 20px;overflow-wrap:anywhere;word-break:break-word;`,
	"link":  `color:#0b57d0;`,
	"pill":  `display:inline-block;padding:1px 9px;border-radius:10px;color:#ffffff;font-size:12px;line-height:18px;font-weight:600;`,
}

// background is a tone's colour; white letters on it are legible in light and dark programs (contrast above 4.5).
func background(t tone) string {
	switch t {
	case toneGood:
		return "background:#1a7f37;"
	case toneWarn:
		return "background:#9a6700;"
	case toneBad:
		return "background:#c4242d;"
	default:
		return "background:#5a6675;"
	}
}
