/**
 * Reads the condition of an {% if %}: variables, ==, != and contains with a text in quotes, joined by and, or, not. liquidjs
 * brings it into postfix form; what it means is said here. A variable without a value counts as false.
 */
import { TypeGuards, type Token } from "liquidjs";
import { failed, ok, type Result } from "@roundtrip/mail/result";
import { excerpt, readVariable, readWith } from "./liquid-expression.ts";
import type { Known, Values } from "./variables.ts";

export type Test = (values: Values) => boolean;

export interface Condition {
  readonly test: Test;
  readonly uses: readonly string[];
}

/** What stands between `if` and `%}`, or the sentence that says why it cannot be read. */
export function readCondition(args: string, known: Known): Result<Condition> {
  const shown = excerpt(args.trim());
  const tokens =
    readWith(args, (tokenizer) => [...tokenizer.readExpressionTokens()]) &&
    readWith(args, (tokenizer) => tokenizer.readFilteredValue());
  if (!tokens || tokens.filters.length > 0 || args.includes("|")) {
    return failed(
      `The condition “${shown}” cannot be read: write a variable, or compare one with a text in quotes, as in attribute_team == "Sales".`,
    );
  }
  const stack: Operand[] = [];
  for (const token of tokens.initial.postfix) {
    const operand = readOperand(token, stack, known);
    if (!operand.ok) return operand;
    stack.push(operand.value);
  }
  const [result, ...more] = stack;
  if (!result || more.length > 0)
    return failed(`The condition “${shown}” is not complete: join its parts by and, or, == or !=.`);
  return ok({ test: asTest(result), uses: result.uses });
}

/** A text or a test, and the variables in it: what the postfix form of a condition is worked out with. */
type Operand =
  | { readonly kind: "text"; readonly read: (values: Values) => string; readonly uses: readonly string[] }
  | { readonly kind: "test"; readonly test: Test; readonly uses: readonly string[] };

function readOperand(token: Token, stack: Operand[], known: Known): Result<Operand> {
  if (TypeGuards.isOperatorToken(token)) return applyOperator(token.operator, stack);
  if (TypeGuards.isQuotedToken(token)) return ok(fixedText(token.content));
  if (TypeGuards.isNumberToken(token)) return ok(fixedText(token.getText()));
  if (TypeGuards.isLiteralToken(token) && NOTHING.has(token.literal)) return ok(fixedText(""));
  const variable = readVariable(token, known);
  if (!variable.ok) return variable;
  const { name } = variable.value;
  return ok({ kind: "text", read: (values) => values[name] ?? "", uses: [name] });
}

const NOTHING: ReadonlySet<string> = new Set(["nil", "null", "empty", "blank"]);

function fixedText(text: string): Operand {
  return { kind: "text", read: () => text, uses: [] };
}

function applyOperator(operator: string, stack: Operand[]): Result<Operand> {
  const right = stack.pop();
  const left = operator === "not" ? right : stack.pop();
  if (!left || !right)
    return failed(`There is nothing on one side of ${operator}: compare a variable with a text in quotes.`);
  const uses = [...new Set([...left.uses, ...right.uses])];
  if (operator === "not" || operator === "and" || operator === "or") {
    return ok({ kind: "test", test: joinTests(operator, asTest(left), asTest(right)), uses });
  }
  if (left.kind !== "text" || right.kind !== "text")
    return failed(`${operator} compares a variable with a text in quotes, not with another condition.`);
  const compare = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
  if (!compare) return failed(`${operator} compares numbers, and all values here are texts: use ==, != or contains.`);
  return ok({ kind: "test", test: (values) => compare(left.read(values), right.read(values)), uses });
}

const COMPARISONS: Readonly<Record<string, (left: string, right: string) => boolean>> = {
  "==": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  contains: (left, right) => left.includes(right),
};

function joinTests(operator: "not" | "and" | "or", left: Test, right: Test): Test {
  if (operator === "not") return (values) => !right(values);
  return operator === "and" ? (values) => left(values) && right(values) : (values) => left(values) || right(values);
}

function asTest(operand: Operand): Test {
  return operand.kind === "test" ? operand.test : (values) => operand.read(values) !== "";
}
