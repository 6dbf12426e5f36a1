/** The ONNX Runtime execution providers that the models can run on. */
export const providers = ['cpu', 'cuda'] as const;
export type Provider = (typeof providers)[number];
