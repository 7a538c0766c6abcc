import { ApiProperty } from '@nestjs/swagger';
import { OperationDto } from '../../records/dto/operation.dto';

/** An operation that went well, or that goes on in the background. */
export class StageAnswerDto {
  @ApiProperty({
    description: '`accepted` (202): it waits or runs. Failures are problem documents.',
    enum: ['success', 'accepted'],
    example: 'success',
  })
  status!: 'success' | 'accepted';

  @ApiProperty({
    description:
      '`Data staged for user U with method M`, or, where the data was there already, `Data already available at <path below the user area>`; `Accepted: ...` for what goes on.',
    example: 'Data staged for user jane with method local_copy',
  })
  message!: string;

  @ApiProperty({ description: 'The record of the operation.', type: OperationDto })
  operation!: OperationDto;
}
