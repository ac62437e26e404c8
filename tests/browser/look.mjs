// Opens one page in a real Chromium and prints what was seen as one JSON document.
// Usage: node look.mjs CHROMIUM PAGE PICTURES-FOLDER NAME
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const { HtmlValidate, StaticConfigLoader } = require("html-validate");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [executablePath, file, folder, name] = process.argv.slice(2);
const url = pathToFileURL(file).href;
const seen = { console: [], requests: [], axe: {}, invalid: [], stops: [], pictures: [], wide: {} };

const validator = new HtmlValidate(new StaticConfigLoader({ root: true, extends: ["html-validate:standard"] }));
const report = await validator.validateString(readFileSync(file, "utf8"));
for (const result of report.results)
  for (const message of result.messages) seen.invalid.push(`${message.line}:${message.column} ${message.ruleId} ${message.message}`);

const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
async function open(width, colorScheme) {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  page.on("console", (message) => seen.console.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.console.push(`error: ${error}`));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) seen.requests.push(request.url());
  });
  await page.goto(url);
  return page;
}

for (const [width, look] of [[1200, "light"], [1200, "dark"], [390, "light"], [390, "dark"]]) {
  const page = await open(width, look);
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  seen.axe[`${width}-${look}`] = found.violations.map((v) => ({
    id: v.id, impact: v.impact, where: v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`),
  }));
  seen.wide[`${width}-${look}`] = await page.evaluate(() => document.documentElement.scrollWidth);
  const picture = join(folder, `${name}-${width}-${look}.png`);
  await page.screenshot({ path: picture, fullPage: true });
  seen.pictures.push(picture);
  await page.close();
}

const page = await open(1200, "light");
seen.focused = await page.evaluate(() => document.activeElement.id);
await page.evaluate(() => document.activeElement.blur());
await page.keyboard.press("Tab");
for (let count = 0; count < 2000; count++) {
  const stop = await page.evaluate(() => {
    const at = document.activeElement;
    if (!at || at === document.body) return null;
    const tip = at.querySelector && at.querySelector(":scope > .tip");
    return {
      tag: at.tagName.toLowerCase(), kind: at.getAttribute("class") || "", label: at.getAttribute("aria-label") || "",
      text: at.tagName === "g" ? "" : at.textContent.slice(0, 80), tip: tip ? tip.textContent : "",
      shown: tip ? getComputedStyle(tip).visibility === "visible" : null,
    };
  });
  if (stop === null) break;
  seen.stops.push(stop);
  await page.keyboard.press("Tab");
}
seen.opened = await page.evaluate(() => {
  const fold = document.querySelector("details");
  if (fold) fold.querySelector("summary").focus();
  return Boolean(fold);
});
if (seen.opened) {
  await page.keyboard.press("Enter");
  seen.opened = await page.evaluate(() => document.querySelector("details").open);
}
seen.scripts = await page.evaluate(() => document.scripts.length);
await page.emulateMedia({ media: "print" });
seen.printed = (await page.pdf({ format: "A4", printBackground: true })).length;
await browser.close();
console.log(JSON.stringify(seen));
