/** The header fields of a mail or a part, as they arrived and looked up by name. Reading them from bytes is read-mime.ts. */
import { readHeaderText, unfold } from "../header-read.ts";

export interface RawField {
  readonly name: string;
  /** Behind the colon, folds kept; raw 8-bit decoded as UTF-8, or Windows-1252 where it is none. */
  readonly value: string;
}

export class Headers {
  readonly fields: readonly RawField[];
  readonly #byName = new Map<string, RawField[]>();

  constructor(fields: readonly RawField[]) {
    this.fields = fields;
    for (const field of fields) {
      const name = field.name.toLowerCase();
      const same = this.#byName.get(name);
      if (same) same.push(field);
      else this.#byName.set(name, [field]);
    }
  }

  has(name: string): boolean {
    return this.#byName.has(name.toLowerCase());
  }

  count(name: string): number {
    return this.#byName.get(name.toLowerCase())?.length ?? 0;
  }

  /** The first field of this name on one line, encoded-words left as they are; null where there is none. */
  first(name: string): string | null {
    const field = this.#byName.get(name.toLowerCase())?.[0];
    return field ? unfold(field.value) : null;
  }

  all(name: string): string[] {
    return (this.#byName.get(name.toLowerCase()) ?? []).map((field) => unfold(field.value));
  }

  /** The first field of this name as a person reads it; empty where there is none. */
  text(name: string): string {
    const field = this.#byName.get(name.toLowerCase())?.[0];
    return field ? readHeaderText(field.value) : "";
  }
}
