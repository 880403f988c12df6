/**
 * News for the user: something cannot be done, and the text says what to do instead. Thrown freely in the server,
 * translated once at the rim (HTTP answer, command line). Bugs and broken machines are ordinary errors, never this.
 */
export class Refusal extends Error {
  readonly code: string;

  /** `code` is a stable kebab-case word; `publicText` is shown to people as it stands and says what to do next. */
  constructor(code: string, publicText: string, options?: ErrorOptions) {
    super(publicText, options);
    this.name = "Refusal";
    this.code = code;
  }
}
