import { Injectable } from '@nestjs/common';
import { OwnershipPolicy, RootRegistry } from '@app/files';
import { MethodRegistry } from '../contract/method-registry';
import { type StagingMethod, type StagingOperation } from '../contract/staging-method';
import { readOperation, type StageRequest } from './stage-request';

/** Reads requests, and tells who is served by what. */
@Injectable()
export class RequestReader {
  constructor(
    private readonly methods: MethodRegistry,
    private readonly accounts: OwnershipPolicy,
    private readonly roots: RootRegistry,
  ) {}

  /**
   * What a request asks for, whether or not its method is known. Throws `validation_failed` for what is no proper request;
   * where its paths lead is looked at later.
   */
  read(request: StageRequest): StagingOperation {
    this.roots.checkName(request.storage);
    return readOperation(request, this.methods.find(request.method));
  }

  /** The method of this name or alias, for a user who is served. Throws `invalid_method`, `forbidden`. */
  async admit(methodAsSent: string, username: string): Promise<StagingMethod> {
    const method = this.methods.get(methodAsSent);
    await this.accounts.admit(username);
    return method;
  }
}
