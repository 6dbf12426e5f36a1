/** Which model made a result. */
export interface ModelVersion {
  readonly name: string;
  readonly version: string;
}
