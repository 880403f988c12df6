/**
 * Reads a text with Liquid markers once, so that no mail ever needs a template engine: static text stays static, a plain
 * `{{ variable }}` becomes a slot, and the few things more that are allowed (if/elsif/else/unless on variables, the
 * filters default, upcase, downcase, capitalize) become functions of our own. liquidjs only cuts the text into tokens:
 * nothing of its engine (includes, loops, properties, files) can be reached, and no value is ever read as a template.
 * Unlike in Liquid, a variable without a value counts as false.
 */
import { Tokenizer, TypeGuards, type Token } from "liquidjs";
import { textProblem } from "@roundtrip/mail/header";
import { failed, ok, type Result } from "@roundtrip/mail/result";
import { readCondition, type Condition, type Test } from "./liquid-condition.ts";
import { excerpt, readVariable, readWith } from "./liquid-expression.ts";
import type { Known, Values } from "./variables.ts";

export type Segment = string | VariableSlot | ComputedSlot;

export interface VariableSlot {
  readonly kind: "variable";
  readonly name: string;
}

export interface ComputedSlot {
  readonly kind: "computed";
  /** Names of the variables it depends on. */
  readonly uses: readonly string[];
  /** Every piece of the result passes through `write`, which escapes it for where it will stand. */
  readonly render: (values: Values, write: WriteLeaf) => string;
}

/** `variable` is set when the text is the value of that variable, filtered or not, and unset for static text. */
export type WriteLeaf = (text: string, variable?: string) => string;

export interface TemplateFault {
  /** From 1. */
  readonly line: number;
  /** One sentence that says what is wrong and what to do. */
  readonly text: string;
}

/** Far beyond any mail, and soon told. */
const SOURCE_MAX = 100_000;
const NESTING_MAX = 8;

/** Any text is read or refused; all faults are named at once, save that an unclosed marker ends the reading. */
export function flattenLiquid(source: string, known: Known): Result<readonly Segment[], readonly TemplateFault[]> {
  if (source.length > SOURCE_MAX) return failed([{ line: 1, text: TOO_LONG }]);
  const tokens = readTokens(source);
  if (!tokens.ok) return failed([tokens.error]);
  const faults: TemplateFault[] = [];
  const root = openBlock("text", 1);
  const open: Block[] = [root];
  for (const token of tokens.value) {
    const line = token.getPosition()[0] ?? 1;
    const problem = readToken(token, open, known);
    if (problem !== undefined) faults.push({ line, text: problem });
  }
  for (const block of open.slice(1)) {
    faults.push({
      line: block.line,
      text: `{% ${block.tag} %} is never ended: add {% end${block.tag} %} after what it decides about.`,
    });
  }
  return faults.length === 0 ? ok(root.segments) : failed(faults);
}

const TOO_LONG = `The text is longer than ${String(SOURCE_MAX)} characters: shorten it.`;

/** The whole text, or an if or unless that is still open. */
interface Block {
  readonly tag: string;
  readonly line: number;
  readonly branches: Branch[];
  hasElse: boolean;
  /** Of the branch that is being read. */
  segments: Segment[];
}

interface Branch {
  readonly test: Test;
  readonly uses: readonly string[];
  readonly segments: readonly Segment[];
}

function openBlock(tag: string, line: number): Block {
  return { tag, line, branches: [], hasElse: false, segments: [] };
}

function readTokens(source: string): Result<readonly Token[], TemplateFault> {
  try {
    return ok(new Tokenizer(source).readTopLevelTokens());
  } catch (error) {
    const at = (error as { token?: Token }).token;
    const line = at?.getPosition()[0] ?? 1;
    const what = excerpt(at?.getText() ?? source);
    const close = what.startsWith("{%") ? "%}" : "}}";
    if (String(error).includes("not closed"))
      return failed({ line, text: `“${what}” is opened but not closed: end it with ${close}.` });
    return failed({ line, text: `“${what}” cannot be read: write a variable such as {{ first_name }}.` });
  }
}

/** Adds the token to the innermost open block, or says what is wrong with it. */
function readToken(token: Token, open: Block[], known: Known): string | undefined {
  const block = open.at(-1);
  if (!block) throw new Error("The outermost block was closed.");
  if (TypeGuards.isHTMLToken(token)) {
    const text = token.getContent();
    if (text !== "") block.segments.push(text);
    return undefined;
  }
  if (TypeGuards.isOutputToken(token)) return add(block, readOutput(token.content, known));
  if (TypeGuards.isTagToken(token)) return readTag(token, open, known);
  return `“${excerpt(token.getText())}” cannot be read: remove it.`;
}

function add(block: Block, segment: Result<Segment>): string | undefined {
  if (!segment.ok) return segment.error;
  block.segments.push(segment.value);
  return undefined;
}

/** `name`, `name | default: "x" | upcase`. */
function readOutput(content: string, known: Known): Result<Segment> {
  const value = readWith(content, (tokenizer) => tokenizer.readFilteredValue());
  if (!value)
    return failed(`{{ ${excerpt(content.trim())} }} cannot be read: write a variable such as {{ first_name }}.`);
  const [token, ...more] = value.initial.postfix;
  if (!token || more.length > 0)
    return failed(`{{ ${excerpt(content.trim())} }} is more than one variable: write one between {{ and }}.`);
  const variable = readVariable(token, known);
  if (!variable.ok) return variable;
  // Liquid takes a lone `|` for no filter at all.
  if (value.filters.length === 0 && content.includes("|"))
    return failed(`{{ ${excerpt(content.trim())} }} ends in | without a filter: remove the |.`);
  const filters: Filter[] = [];
  for (const { name, args } of value.filters) {
    const filter = readFilter(name, args, known.language);
    if (!filter.ok) return filter;
    filters.push(filter.value);
  }
  const { name, kind } = variable.value;
  if (filters.length === 0) return ok({ kind: "variable", name });
  if (kind === "link") return failed(`{{ ${name} }} is a link, which a filter would break: remove the filter.`);
  const filtered = (values: Values) => filters.reduce((text, filter) => filter(text), values[name] ?? "");
  return ok({ kind: "computed", uses: [name], render: (values, write) => write(filtered(values), name) });
}

type Filter = (text: string) => string;

function readFilter(name: string, args: readonly unknown[], language: string): Result<Filter> {
  if (name === "default") {
    const [word] = args;
    if (args.length !== 1 || !TypeGuards.isQuotedToken(word))
      return failed('The filter default needs one text in quotes: write | default: "colleague".');
    if (textProblem(word.content))
      return failed("The text after default has a line break or control character in it: remove it.");
    return ok((text) => (text === "" ? word.content : text));
  }
  const change = Object.hasOwn(CASE_FILTERS, name) ? CASE_FILTERS[name] : undefined;
  if (!change) return failed(`There is no filter ${excerpt(name)} here: use default, upcase, downcase or capitalize.`);
  if (args.length > 0) return failed(`The filter ${name} takes nothing after it: remove what follows the colon.`);
  return ok((text) => change(text, language));
}

const CASE_FILTERS: Readonly<Record<string, (text: string, language: string) => string>> = {
  upcase: (text, language) => text.toLocaleUpperCase(language),
  downcase: (text, language) => text.toLocaleLowerCase(language),
  capitalize: (text, language) => {
    const [first = "", ...rest] = Array.from(text);
    return first.toLocaleUpperCase(language) + rest.join("").toLocaleLowerCase(language);
  },
};

interface TagLike {
  readonly name: string;
  readonly args: string;
  getPosition(): number[];
}

function readTag(tag: TagLike, open: Block[], known: Known): string | undefined {
  switch (tag.name) {
    case "if":
    case "unless":
      return openCondition(tag, open, known);
    case "elsif":
    case "else":
      return nextBranch(tag, open, known);
    case "endif":
    case "endunless":
      return closeCondition(tag, open);
    default:
      return `{% ${excerpt(tag.name)} %} cannot be used here: texts may hold variables and {% if %}, {% elsif %}, {% else %}, {% unless %}.`;
  }
}

function openCondition(tag: TagLike, open: Block[], known: Known): string | undefined {
  const block = openBlock(tag.name, tag.getPosition()[0] ?? 1);
  open.push(block);
  if (open.length > NESTING_MAX + 1)
    return `Conditions stand inside one another more than ${String(NESTING_MAX)} deep: make it simpler.`;
  return startBranch(block, readCondition(tag.args, known), tag.name === "unless");
}

function nextBranch(tag: TagLike, open: Block[], known: Known): string | undefined {
  const block = open.at(-1);
  if (!block || open.length === 1)
    return `{% ${tag.name} %} stands outside of any {% if %}: remove it, or add {% if … %} before.`;
  if (block.hasElse)
    return `{% ${tag.name} %} comes after {% else %}: only one {% else %} is possible, and it comes last.`;
  if (tag.name === "elsif") return startBranch(block, readCondition(tag.args, known), false);
  if (tag.args.trim() !== "") return "{% else %} takes no condition: write {% elsif … %} for another one.";
  block.hasElse = true;
  return startBranch(block, ok({ test: () => true, uses: [] }), false);
}

function startBranch(block: Block, condition: Result<Condition>, isNegated: boolean): string | undefined {
  const segments: Segment[] = [];
  block.segments = segments;
  if (!condition.ok) return condition.error;
  const { test, uses } = condition.value;
  block.branches.push({ test: isNegated ? (values) => !test(values) : test, uses, segments });
  return undefined;
}

function closeCondition(tag: TagLike, open: Block[]): string | undefined {
  const block = open.at(-1);
  if (!block || open.length === 1) return `{% ${tag.name} %} ends nothing: remove it, or add {% if … %} before.`;
  if (tag.name !== `end${block.tag}`)
    return `{% ${tag.name} %} does not end {% ${block.tag} %} of line ${String(block.line)}: write {% end${block.tag} %}.`;
  if (tag.args.trim() !== "") return `{% ${tag.name} %} takes nothing after its name: remove “${excerpt(tag.args)}”.`;
  open.pop();
  open.at(-1)?.segments.push(writeCondition(block.branches));
  return undefined;
}

function writeCondition(branches: readonly Branch[]): ComputedSlot {
  const uses = branches.flatMap((branch) => [...branch.uses, ...usedBy(branch.segments)]);
  return {
    kind: "computed",
    uses: [...new Set(uses)],
    render: (values, write) => {
      const chosen = branches.find((branch) => branch.test(values));
      return chosen ? renderSegments(chosen.segments, values, write) : "";
    },
  };
}

export function renderSegments(segments: readonly Segment[], values: Values, write: WriteLeaf): string {
  let out = "";
  for (const segment of segments) {
    if (typeof segment === "string") out += write(segment);
    else if (segment.kind === "variable") out += write(values[segment.name] ?? "", segment.name);
    else out += segment.render(values, write);
  }
  return out;
}

/** Names of the variables that these segments depend on, each once. */
export function usedBy(segments: readonly Segment[]): readonly string[] {
  const names = segments.flatMap((segment) => {
    if (typeof segment === "string") return [];
    return segment.kind === "variable" ? [segment.name] : segment.uses;
  });
  return [...new Set(names)];
}
