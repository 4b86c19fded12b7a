import { z } from 'zod';

/** How a setting's value is written as text. */
export type SettingKind = 'text' | 'whole' | 'number' | 'choice' | 'switch' | 'pairs' | 'wholes' | 'choices' | 'specs';

/** One setting as a person sees it: everything is derived from the schema. */
export interface Setting {
  /** The key in the schema, e.g. `tokenFile`. */
  readonly key: string;
  /** The name in the configuration file and, after `--`, on the command line: `token-file`. */
  readonly name: string;
  /** The environment variable: `CUTPOINT_TOKEN_FILE`. */
  readonly env: string;
  readonly kind: SettingKind;
  readonly description: string;
  readonly defaultValue: unknown;
  readonly choices: readonly string[];
  /** The range of whole numbers, also of those in a list or map. */
  readonly least: number | undefined;
  readonly most: number | undefined;
  /** The name of the positional argument that gives it instead of a flag, e.g. `model`. */
  readonly argument: string | undefined;
  /** The value that the flag means where it stands alone; other flags need one. */
  readonly bare: string | undefined;
}

/** How a setting is named on the command line: `--threads`, or `<model>` for the argument. */
export function flagOf({ name, argument }: Setting): string {
  return argument === undefined ? `--${name}` : `<${argument}>`;
}

/** The schema of a daemon's settings: an object of texts, numbers, choices, switches, maps of
 * whole numbers, and lists of whole numbers, choices or specs of codecs. */
export type SettingsSchema = z.ZodObject;

/** The values of a schema's settings. */
export type SettingsOf<S extends SettingsSchema> = z.output<S>;

interface PropertySchema {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly argument?: string;
  readonly bare?: string;
  readonly items?: PropertySchema;
  readonly additionalProperties?: PropertySchema;
}

/** Lists the settings of a schema in the order in which it declares them. */
export function settingsOf(schema: SettingsSchema): readonly Setting[] {
  const properties = z.toJSONSchema(schema, { io: 'input' }).properties ?? {};
  return Object.entries(properties).map(([key, property]) => describe(key, property as PropertySchema));
}

function describe(key: string, property: PropertySchema): Setting {
  const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    key,
    name,
    env: `CUTPOINT_${name.toUpperCase().replaceAll('-', '_')}`,
    kind: kindOf(key, property),
    description: property.description ?? '',
    defaultValue: property.default,
    choices: property.enum ?? property.items?.enum ?? [],
    ...rangeOf(property.items ?? property.additionalProperties ?? property),
    argument: property.argument,
    bare: property.bare,
  };
}

/** Zod states the largest whole numbers there are where a schema sets no limit. */
function rangeOf({ minimum, maximum }: PropertySchema): Pick<Setting, 'least' | 'most'> {
  return {
    least: minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum,
    most: maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum,
  };
}

function kindOf(key: string, property: PropertySchema): SettingKind {
  if (property.enum !== undefined) return 'choice';
  if (property.type === 'string') return 'text';
  if (property.type === 'integer') return 'whole';
  if (property.type === 'number') return 'number';
  if (property.type === 'boolean') return 'switch';
  if (property.type === 'object') return 'pairs';
  if (property.type === 'array' && property.items?.type === 'integer') return 'wholes';
  if (property.type === 'array' && property.items?.enum !== undefined) return 'choices';
  if (property.type === 'array' && property.items?.type === 'string') return 'specs';
  throw new TypeError(`The setting ${key} has a type that cannot be written as a flag: ${property.type}.`);
}
