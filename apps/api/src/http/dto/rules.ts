import { Transform } from 'class-transformer';
import { IsInt, IsString, Matches, Max, Min, registerDecorator, ValidateIf } from 'class-validator';
import { USERNAME } from '@app/auth';

/** A field that may be missing; `null` is a wrong type like any other. */
export function MayBeMissing(): PropertyDecorator {
  return ValidateIf((_dto, value) => value !== undefined);
}

/** A user's name. */
export function IsUsername(): PropertyDecorator {
  return Matches(USERNAME, {
    message: 'must have 1 to 64 ASCII letters, digits, ".", "_", "-" or "@", and begin with a letter, a digit or "_"',
  });
}

/** A text of Unicode characters (no half ones, which have no UTF-8 form), at most `max` of them. */
export function IsText(max = Infinity): PropertyDecorator {
  return (target, property) => {
    IsString({ message: 'must be a string' })(target, property);
    registerDecorator({
      name: 'isText',
      target: target.constructor,
      propertyName: property as string,
      validator: {
        validate: (value: unknown) => typeof value === 'string' && value.isWellFormed() && isNotLonger(value, max),
        defaultMessage: () =>
          max === Infinity ? 'must be valid Unicode' : `must be valid Unicode of at most ${max} characters`,
      },
    });
  };
}

function isNotLonger(text: string, max: number): boolean {
  // A character has one or two code units, so that most texts need no counting.
  return text.length <= max || (text.length <= 2 * max && [...text].length <= max);
}

/** A whole number of a query, from `min` to `max`, written in digits. */
export function IsWhole(min: number, max: number): PropertyDecorator {
  const message = `must be a whole number from ${min} to ${max}`;
  return (target, property) => {
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value,
    )(target, property);
    IsInt({ message })(target, property);
    Min(min, { message })(target, property);
    Max(max, { message })(target, property);
  };
}

const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** A date or a date with time (ISO 8601); without an offset it is UTC. The DTO gets a Date. */
export function IsTime(): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }: { value: unknown }) => readTime(value))(target, property);
    registerDecorator({
      name: 'isTime',
      target: target.constructor,
      propertyName: property as string,
      validator: {
        validate: (value: unknown) => value instanceof Date,
        defaultMessage: () => 'must be an ISO 8601 date or time, such as 2026-01-31 or 2026-01-31T12:00:00Z',
      },
    });
  };
}

function readTime(value: unknown): unknown {
  if (typeof value !== 'string' || !DATE.test(value)) return value;
  const hasTime = value.includes('T');
  const hasOffset = /(?:Z|[+-]\d\d:\d\d)$/.test(value) && hasTime;
  const time = new Date(hasTime && !hasOffset ? `${value}Z` : value);
  const isReal =
    !Number.isNaN(time.getTime()) && new Date(value.slice(0, 10)).toISOString().startsWith(value.slice(0, 10));
  return isReal ? time : value;
}
