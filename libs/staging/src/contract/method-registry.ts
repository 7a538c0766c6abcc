import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { STAGING_METHODS, STAGING_OPTIONS } from '../staging.tokens';
import { type StagingMethod } from './staging-method';
import { type StagingOptions } from './staging-options';

/**
 * The methods by name. Two methods of one name or alias, and an enabled method that nobody implements or that the site
 * lacks something for, are errors of the programmer or the operator: they stop the start.
 */
@Injectable()
export class MethodRegistry {
  private readonly byName = new Map<string, StagingMethod>();
  private readonly enabled: StagingMethod[];

  constructor(
    @Inject(STAGING_METHODS) methods: StagingMethod[],
    @Inject(STAGING_OPTIONS) options: Pick<StagingOptions, 'allowedMethods'>,
  ) {
    for (const method of methods) for (const name of [method.name, ...method.aliases]) this.add(name, method);
    const possible = methods.filter((method) => method.requires === undefined);
    const names = options.allowedMethods ?? possible.map((method) => method.name);
    this.enabled = [...new Set(names.map((name) => this.implementation(name)))];
    if (this.enabled.length === 0) throw new Error('ALLOWED_METHODS: enables no method');
  }

  private add(name: string, method: StagingMethod): void {
    if (this.byName.has(name)) throw new Error(`Two staging methods are called "${name}"`);
    this.byName.set(name, method);
  }

  private implementation(name: string): StagingMethod {
    const method = this.byName.get(name);
    if (method?.requires !== undefined) throw new Error(`ALLOWED_METHODS: ${method.name} needs ${method.requires}`);
    if (method) return method;
    const known = [...new Set(this.byName.values())].map((one) => one.name).join(', ');
    throw new Error(`ALLOWED_METHODS: names a method that this version does not implement (it has ${known})`);
  }

  /** Names of the methods that the site offers. */
  get enabledNames(): string[] {
    return this.enabled.map((method) => method.name);
  }

  /** The methods that the site offers. */
  get offered(): readonly StagingMethod[] {
    return this.enabled;
  }

  /** The method that a request calls by name or alias; undefined when it is unknown or not offered here. */
  find(name: string): StagingMethod | undefined {
    const method = this.byName.get(name);
    return method && this.enabled.includes(method) ? method : undefined;
  }

  /** As {@link find}; throws `invalid_method` where that finds nothing. */
  get(name: string): StagingMethod {
    const method = this.find(name);
    if (!method) throw new AppError('invalid_method', `Invalid staging method: ${name}`);
    return method;
  }
}
