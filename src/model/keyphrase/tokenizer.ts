import { readFileSync } from 'node:fs';
import * as huggingFace from '@huggingface/tokenizers';
import type { ModelBundle } from '../bundle.js';
import type { ModelInput } from '../input.js';

/** What is used of the package, whose own types can't be resolved under Node's module rules (0.2.0). */
const { Tokenizer: WordPieces } = huggingFace as unknown as {
  readonly Tokenizer: new (
    tokenizer: object,
    config: object,
  ) => {
    token_to_id(token: string): number | undefined;
    id_to_token(id: number): string | undefined;
    encode(text: string, options: { add_special_tokens: boolean }): { readonly ids: number[] };
  };
};

/** A post as tokens: for each its id and the number of its segment. */
export interface TokenizedInput {
  readonly ids: readonly number[];
  readonly types: readonly number[];
}

/** Between words and the ids of the encoder's word pieces. */
export interface Tokenizer {
  /**
   * A post as the text encoder reads it: `[CLS] text [SEP] entities [SEP] attributes [SEP] image text [SEP]`, typed 0
   * to 3, each segment cut to its limit. Empty segments but the first are left out. `models/training/inputs.py` does
   * the same, exactly.
   */
  tokenize(input: ModelInput): TokenizedInput;
  /** The word pieces of a phrase. */
  wordpiecesOf(phrase: string): readonly number[];
  /** Word pieces as the phrase they spell. */
  phraseOf(pieces: readonly number[]): string;
  /** @throws Error when there is no such word piece. */
  idOf(piece: string): number;
  /** Whether a token stands for no word: `[PAD]`, `[CLS]` and `[SEP]`. */
  isSpecial(id: number): boolean;
}

/** Words that are cut into pieces together: a text is cut no further than its limit, since long words take long. */
const wordsAtOnce = 16;

export function createTokenizer(bundle: ModelBundle): Tokenizer {
  const { tokenizer: file, limits } = bundle.manifest.text;
  const wordPieces = new WordPieces(JSON.parse(readFileSync(bundle.path(file), 'utf8')) as object, {});
  const idOf = (piece: string): number => {
    const id = wordPieces.token_to_id(piece);
    if (id === undefined) throw new Error(`${file} has no ${piece} token`);
    return id;
  };
  const [cls, sep, pad] = [idOf('[CLS]'), idOf('[SEP]'), idOf('[PAD]')];
  const encode = (text: string): number[] =>
    text === '' ? [] : wordPieces.encode(text, { add_special_tokens: false }).ids;

  /** The first pieces of a text. Pieces never reach over a space. */
  function firstPieces(text: string, most: number): number[] {
    const pieces: number[] = [];
    for (let start = 0; start < text.length && pieces.length < most;) {
      let end = start;
      for (let word = 0; word < wordsAtOnce && end !== -1; word += 1) end = text.indexOf(' ', end + 1);
      if (end === -1) end = text.length;
      pieces.push(...encode(text.slice(start, end)).slice(0, most));
      start = end;
    }
    return pieces.slice(0, most);
  }

  return {
    tokenize({ text, entities, attributes, imageText }) {
      const segments = [
        firstPieces(text, limits.text),
        firstPieces(entities.join(' , '), limits.entities),
        firstPieces(attributes.join(' , '), limits.attributes),
        firstPieces(imageText, limits.ocr),
      ];
      const ids = [cls];
      const types = [0];
      segments.forEach((pieces, type) => {
        if (pieces.length === 0 && type > 0) return;
        ids.push(...pieces, sep);
        types.push(...pieces.map(() => type), type);
      });
      return { ids, types };
    },
    wordpiecesOf: encode,
    phraseOf: (pieces) =>
      pieces
        .map((id) => wordPieces.id_to_token(id) ?? '')
        .join(' ')
        .replaceAll(' ##', ''),
    idOf,
    isSpecial: (id) => id === cls || id === sep || id === pad,
  };
}
