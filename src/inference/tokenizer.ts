import { readFileSync } from 'node:fs';
import * as huggingFace from '@huggingface/tokenizers';
import type { ModelBundle } from './model-bundle.js';
import type { ModelInput } from './protocol.js';

/** What is used of the package, whose own types can't be resolved under Node's module rules (0.2.0). */
const { Tokenizer } = huggingFace as unknown as {
  readonly Tokenizer: new (
    tokenizer: object,
    config: object,
  ) => {
    token_to_id(token: string): number | undefined;
    encode(text: string, options: { add_special_tokens: boolean }): { readonly ids: number[] };
  };
};

/** A post as token ids: `[CLS] text [SEP]` of type 0 and, where the image has words, `image words [SEP]` of type 1. */
export interface TokenizedInput {
  readonly ids: readonly number[];
  readonly types: readonly number[];
}

/** Turns a post's words into token ids, exactly as `models/training` does. */
export function createTokenizer(bundle: ModelBundle): (input: ModelInput) => TokenizedInput {
  const { tokenizer: file, maxTokens, maxTextTokens } = bundle.manifest.text;
  const tokenizer = new Tokenizer(JSON.parse(readFileSync(bundle.path(file), 'utf8')) as object, {});
  const special = (token: string): number => {
    const id = tokenizer.token_to_id(token);
    if (id === undefined) throw new Error(`${file} has no ${token} token`);
    return id;
  };
  const [cls, sep] = [special('[CLS]'), special('[SEP]')];
  const encode = (text: string, limit: number): number[] =>
    text === '' ? [] : tokenizer.encode(text, { add_special_tokens: false }).ids.slice(0, limit);

  return ({ text, imageWords, imageText }) => {
    const textIds = [cls, ...encode(text, maxTextTokens), sep];
    const imageIds = encode(
      [imageWords.join(' , '), imageText].filter((part) => part !== '').join(' . '),
      maxTokens - textIds.length - 1,
    );
    if (imageIds.length > 0) imageIds.push(sep);
    return {
      ids: [...textIds, ...imageIds],
      types: [...textIds.map(() => 0), ...imageIds.map(() => 1)],
    };
  };
}
