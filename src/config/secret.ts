/** A value that prints as `**REDACTED**` wherever it is printed; `reveal` is the only way to read it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '**REDACTED**';
  }

  toJSON(): string {
    return '**REDACTED**';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '**REDACTED**';
  }
}
