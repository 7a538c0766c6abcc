import { ApiProperty } from '@nestjs/swagger';
import { OperationDto } from '../../records/dto/operation.dto';

/** An operation that went well. */
export class StageAnswerDto {
  @ApiProperty({ description: 'Always `success`; failures are problem documents.', example: 'success' })
  status!: 'success';

  @ApiProperty({
    description:
      '`Data staged for user U with method M`, or, where the data was there already, `Data already available at <path below the user area>`.',
    example: 'Data staged for user jane with method local_copy',
  })
  message!: string;

  @ApiProperty({ description: 'The record of the operation.', type: OperationDto })
  operation!: OperationDto;
}
