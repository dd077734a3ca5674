"""Scripts that judge the looks of the page: what is cut off, and how well texts stand out from what lies behind."""

from __future__ import annotations

# What sticks out of the widget, is cut off by a box of its own, or lies outside its figure.
OVERFLOWING = """root => {
    const edge = root.getBoundingClientRect();
    const hidden = (element) => element.closest(".rw-stream, .rw-visually-hidden, .rw-tooltip, clipPath, defs, option")
        || !element.checkVisibility({ visibilityProperty: true });
    const said = (element) => `${element.tagName} ${element.getAttribute("class")} ${element.textContent.slice(0, 40)}`;
    const found = [];
    for (const element of root.querySelectorAll("*")) {
        if (hidden(element)) continue;
        const box = element.getBoundingClientRect();
        const clips = element instanceof HTMLElement && getComputedStyle(element).overflowX !== "visible";
        if (clips && element.scrollWidth > element.clientWidth + 1) found.push(`cut off: ${said(element)}`);
        const drawn = element.closest("svg")?.getBoundingClientRect();
        const within = drawn && element.tagName === "text" ? drawn : drawn ? null : edge;
        const out = within && (box.right > within.right + 1 || box.left < within.left - 1);
        if (out && box.width > 0) found.push(`outside: ${said(element)} ${box.left}-${box.right}`);
    }
    return found;
}"""
CONTRASTS = """root => {
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const own = (element) => Array.from(element.childNodes).some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
    const found = {};
    for (const element of root.querySelectorAll("*")) {
        if (!own(element) || !element.checkVisibility({ visibilityProperty: true })) continue;
        if (element.closest("button:disabled, option, .rw-visually-hidden, title, style")) continue;
        const style = getComputedStyle(element);
        const colour = element instanceof SVGElement ? style.fill : style.color;
        if (!/^rgb/.test(colour)) continue;
        const [a, b] = [light(parse(colour)), light(ground(element))].sort((x, y) => y - x);
        found[`${element.textContent.slice(0, 40)} ${colour}`] = (a + 0.05) / (b + 0.05);
    }
    return found;
}"""
