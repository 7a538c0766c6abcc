import { ApiProperty } from '@nestjs/swagger';
import { IsIn, registerDecorator, type ValidationArguments } from 'class-validator';
import { type Algorithm } from '@app/files';

/** Hexadecimal digits of each checksum: at least and at most. Catalogues leave out the leading zeros of adler32. */
const DIGITS: Record<Algorithm, readonly [number, number]> = {
  sha256: [64, 64],
  adler32: [1, 8],
  md5: [32, 32],
  xxh3: [16, 16],
};

/** For an algorithm that is not known, which is an error of its own. */
const ANY_DIGITS = [1, 64] as const;

/** The names of all checksums. */
export const ALGORITHMS = Object.keys(DIGITS) as Algorithm[];

/** Whether a value is written as checksums of an algorithm are. */
export function isChecksumOf(algorithm: Algorithm, value: unknown): boolean {
  return isHex(value, DIGITS[algorithm]);
}

function isHex(value: unknown, [min, max]: readonly [number, number]): boolean {
  return typeof value === 'string' && /^[0-9a-f]+$/i.test(value) && value.length >= min && value.length <= max;
}

function IsChecksumValue(): PropertyDecorator {
  const digitsOf = (args?: ValidationArguments) => {
    const { algorithm } = args?.object as ChecksumDto;
    return Object.hasOwn(DIGITS, algorithm) ? DIGITS[algorithm] : ANY_DIGITS;
  };
  return (target, property) =>
    registerDecorator({
      name: 'isChecksumValue',
      target: target.constructor,
      propertyName: property as string,
      validator: {
        validate: (value: unknown, args) => isHex(value, digitsOf(args)),
        defaultMessage: (args) => {
          const [min, max] = digitsOf(args);
          return `must be ${min === max ? max : `${min} to ${max}`} hexadecimal digits`;
        },
      },
    });
}

/** A checksum of a file's content. */
export class ChecksumDto {
  @ApiProperty({ description: 'How it is computed.', enum: ALGORITHMS, enumName: 'Algorithm', example: 'sha256' })
  @IsIn(ALGORITHMS, { message: `must be one of ${ALGORITHMS.join(', ')}` })
  algorithm!: Algorithm;

  @ApiProperty({
    description:
      'Hexadecimal digits in either case: 64 for `sha256`, 32 for `md5`, 16 for `xxh3`, 1 to 8 for `adler32`.',
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  @IsChecksumValue()
  value!: string;
}
