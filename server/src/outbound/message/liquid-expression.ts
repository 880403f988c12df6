/** What outputs and conditions have in common: one known variable, read strictly. It renders nothing. */
import { Tokenizer, TypeGuards, type Token } from "liquidjs";
import { failed, ok, type Result } from "@roundtrip/mail/result";
import { explainUnknown } from "./explain-unknown.ts";
import type { Known, Variable } from "./variables.ts";

/** One known word. `a.b`, `a[0]` and `["a"]` are properties, which do not exist here. */
export function readVariable(token: Token, known: Known): Result<Variable> {
  const text = excerpt(token.getText());
  if (!TypeGuards.isPropertyAccessToken(token))
    return failed(`“${text}” is not a variable: write a name such as first_name.`);
  const [first, ...more] = token.props;
  if (token.variable || more.length > 0 || !first || !TypeGuards.isWordToken(first)) {
    return failed(`“${text}” asks for a property, which variables do not have: write one name such as first_name.`);
  }
  const found = known.variables.find((variable) => variable.name === first.content);
  return found
    ? ok(found)
    : failed(
        explainUnknown(
          first.content,
          known.variables.map((variable) => variable.name),
        ),
      );
}

/** Undefined when liquidjs cannot read `text`, or leaves some of it unread. */
export function readWith<Read>(text: string, read: (tokenizer: Tokenizer) => Read): Read | undefined {
  try {
    const tokenizer = new Tokenizer(text);
    const result = read(tokenizer);
    return tokenizer.remaining().trim() === "" ? result : undefined;
  } catch {
    // What exactly it stumbled over is of no use to whoever wrote the text; the place and the cure are.
    return undefined;
  }
}

/** Short, on one line and without hidden characters, so that the sentence round it stays readable. */
export function excerpt(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ");
  const points = Array.from(line);
  return points.length > 40 ? `${points.slice(0, 39).join("")}…` : line;
}
