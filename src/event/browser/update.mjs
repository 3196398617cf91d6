// Brings the rules and the lists of this folder up to date from the npm registry:
//
//     node src/event/browser/update.mjs
//
// Needs Node.js 20.11 or newer. `README.md` says what each package is. `cargo test --lib event::browser` then checks what was written.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";

const HERE = import.meta.dirname;
const SOURCES = ["uap-core", "crawler-user-agents", "isbot", "top-user-agents"];
const PARSERS = ["js-yaml@4", "@eslint-community/regexpp@4"];

/// A regular expression of Rust has no look-around. These patterns of `isbot` are used without theirs; its other patterns
/// with look-around are not used.
const WITHOUT_LOOKAROUND = new Map([
    ["(?<!lib)http", "https?:"],
    ["java(?!;)", "\\bjava/"],
]);

/// Patterns of `isbot` that find browsers and apps that people use.
const NOT_USED = [
    "\\b\\w+/1\\.0;", "browsex", "chromeframe", "dmbrowser", "ibisbrowser", "^active", "^amaya", "^client/", "^custom",
    "^ddg[_-]android", "^downcast/", "^duckduckgo", "^email", "^exodusmovement", "^facebook", "^navermailapp", "^netsurf",
    "^offline", "^rank", "^read", "^reed", "^rest", "^snapchat", "^track", "^yahoo", "^yandex",
];

/// Libraries, probes and monitors that neither list knows.
const ADDED = [
    "\\bprobe\\b", "guzzle", "http-?client", "^alwayson$", "^dart/", "^faraday", "^googlehc/", "^prometheus/", "^ruby\\b",
    "^undici",
];

/// Whether a pattern of `isbot` knows a form rather than a word. Such a one finds every app that names only itself.
function isForm(pattern) {
    return /^\^([[\\]|mozilla)/.test(pattern) || needed(parse(pattern).alternatives).length === 0;
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "user-agents-"));
execFileSync("npm", ["install", "--silent", "--prefix", folder, ...SOURCES, ...PARSERS], { stdio: "inherit" });
const load = createRequire(path.join(folder, "index.js"));
const { RegExpParser } = load("@eslint-community/regexpp");
const uap = load("js-yaml").load(fs.readFileSync(path.join(folder, "node_modules/uap-core/regexes.yaml"), "utf8"));
const crawlers = load("crawler-user-agents");
const browsers = load("top-user-agents").map((browser) => browser.toLowerCase());
const versions = SOURCES.map((name) => `${name} ${load(`./node_modules/${name}/package.json`).version}`);

// ---- What a pattern needs: words of which one must occur, whatever else matches.

const parser = new RegExpParser({ ecmaVersion: 2025 });

function parse(pattern) {
    const inline = pattern.match(/^\(\?i\)/);
    return parser.parsePattern(inline ? pattern.slice(4) : pattern);
}

/// The letter that an element is in any case, or `undefined`: `a`, `[aA]`.
function letter(element) {
    const characters = element.type === "CharacterClass" && !element.negate ? element.elements : [element];
    if (!characters.every((one) => one.type === "Character")) return undefined;
    const letters = new Set(characters.map((one) => String.fromCodePoint(one.value).toLowerCase()));
    return letters.size === 1 ? [...letters][0] : undefined;
}

function isGroup(element) {
    return element.type === "Group" || element.type === "CapturingGroup";
}

/// All elements in a row, groups with one alternative opened. `null` ends a run of letters.
function inRow(elements) {
    return elements.flatMap((element) => {
        if (isGroup(element) && element.alternatives.length === 1) return inRow(element.alternatives[0].elements);
        if (element.type === "Quantifier" && element.min > 0) return [...inRow([element.element]), null];
        return [element];
    });
}

function needed(alternatives) {
    const each = alternatives.map(({ elements }) => neededInRow(inRow(elements)));
    return each.every((words) => words.length > 0) ? [...new Set(each.flat())] : [];
}

function neededInRow(elements) {
    const choices = [];
    let run = "";
    for (const element of [...elements, null]) {
        if (element?.type === "Assertion" && element.kind !== "lookahead") continue;
        const next = element && letter(element);
        if (next !== undefined && next !== null) {
            run += next;
            continue;
        }
        if (run) choices.push([run]);
        run = "";
        if (element && isGroup(element)) choices.push(needed(element.alternatives));
    }
    const useful = choices.filter((words) => words.length > 0 && words.every((word) => word.length >= 3));
    const [best] = useful.sort((a, b) => saidByBrowsers(a) - saidByBrowsers(b) || a.length - b.length);
    return best ?? [];
}

/// How many of the common browsers say one of the words: for so many the rule is tried, mostly for nothing.
function saidByBrowsers(words) {
    return browsers.filter((browser) => words.some((word) => browser.includes(word))).length;
}

// ---- Which names a pattern gives.

/// Every text that the elements match, where these are few; else `undefined`.
function texts(elements) {
    let all = [""];
    for (const element of elements) {
        const next = textsOf(element);
        if (next === undefined || next.length * all.length > 500) return undefined;
        all = all.flatMap((start) => next.map((end) => start + end));
    }
    return all;
}

function textsOf(element) {
    if (element.type === "Assertion") return element.kind === "lookahead" ? undefined : [""];
    if (element.type === "Character") return [String.fromCodePoint(element.value)];
    if (letter(element) !== undefined) return [String.fromCodePoint(element.elements.at(-1).value)];
    if (element.type === "Quantifier" && element.max === 1) {
        const once = textsOf(element.element);
        return once && (element.min === 1 ? once : [...once, ""]);
    }
    if (!isGroup(element)) return undefined;
    const each = element.alternatives.map(({ elements }) => texts(elements));
    return each.every((all) => all) ? each.flat() : undefined;
}

/// The names of products that make the rule match, `["OPR"]` of `OPR/(\d+)`, with the family that it gives each.
function namesOf({ regex, family_replacement: family }) {
    const [{ elements }] = parse(regex).alternatives;
    const first = elements.find((element) => element.type === "CapturingGroup");
    const captured = (first && textsOf(first)) ?? [];
    if (!family) return captured.map((name) => [name, name]);
    const slash = elements.findIndex((element) => element.type === "Character" && element.value === 47);
    const product = slash > 0 ? texts(elements.slice(0, slash)) ?? [] : [];
    if (family.includes("$1")) return captured.map((name) => [family.replace("$1", name), family.replace("$1", name)]);
    return [[family, family], ...product.map((name) => [name, family])];
}

/// What many browsers say, or too short to be the name of one.
const NO_NAMES = ["AppleWebKit", "Custom", "Navigator", "OC", "Pre", "Version", "cf"];

// ---- The files.

function write(file, lines) {
    const bad = lines.filter((line) => line.includes("\n"));
    if (bad.length > 0) throw new Error(`${file}: a rule has several lines: ${bad[0]}`);
    fs.writeFileSync(path.join(HERE, file), lines.join("\n") + "\n");
    console.log(`${file}: ${lines.length} lines`);
}

function rule(pattern, name = "") {
    return [pattern, name, ...needed(parse(pattern).alternatives)].join("\t");
}

const lower = (text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/// A pattern without a special character needs no regular expression: it is the name of its rule.
function plainOrRule(pattern) {
    const plain = texts(parse(pattern).alternatives.length === 1 ? parse(pattern).alternatives[0].elements : [{}]);
    const isPlain = plain?.length === 1 && plain[0].length >= 3 && !/\^|\$|\(|\[|\\b/.test(pattern);
    return isPlain ? ["", plain[0], lower(plain[0])].join("\t") : rule(pattern);
}

const words = load("isbot").list.flatMap((pattern) => {
    const usable = WITHOUT_LOOKAROUND.get(pattern) ?? pattern;
    const isUsed = !isForm(usable) && !/\(\?<|\(\?!/.test(usable) && !NOT_USED.includes(pattern);
    return isUsed ? [`(?i)${usable}`] : [];
});

write("rules/browsers.tsv", uap.user_agent_parsers.map((one) => rule(one.regex, one.family_replacement)));
write("rules/systems.tsv", uap.os_parsers.map((one) => rule(one.regex, one.os_replacement)));
write("rules/known_programs.tsv", crawlers.map(({ pattern }) => plainOrRule(pattern)));
const added = ADDED.map((pattern) => `(?i)${pattern}`);
write("rules/program_words.tsv", [...words, ...added].map((pattern) => rule(pattern)));

const names = new Map();
for (const [name, family] of uap.user_agent_parsers.flatMap(namesOf)) {
    if (!/^[a-z0-9]/i.test(name) || NO_NAMES.includes(name)) continue;
    names.set(name, name === family ? name : (names.get(name) ?? family));
}
write("rules/names.tsv", [...names].map(([name, family]) => (name === family ? name : `${name}\t${family}`)).sort());

write("tests/crawlers.txt", [...new Set(crawlers.flatMap(({ instances }) => instances ?? []))]);
write("tests/common_browsers.txt", load("top-user-agents"));
write("rules/versions.txt", versions);
fs.rmSync(folder, { recursive: true });
