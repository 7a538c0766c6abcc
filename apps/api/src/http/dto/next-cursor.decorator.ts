import { ApiProperty } from '@nestjs/swagger';

/** What the OpenAPI document says of `next_cursor` of a page; `last` tells where it is null. */
export function ApiNextCursor(last = 'on the last'): PropertyDecorator {
  const description = `\`cursor\` of the next page; null ${last}.`;
  return ApiProperty({ description, type: String, nullable: true, example: null });
}
