// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Subject;

/** A drawn machine under test. */
final class DrawnSubject extends Subject {
  final Drawn drawn;
  final Machine machine;
  final PageAllocator pages;
  private final PageAllocatorProvider provider;
  private final Options options;
  private final boolean withMemory;

  DrawnSubject(Drawn drawn, PageAllocatorProvider provider, Options options, boolean withMemory) {
    this(drawn, provider, options, withMemory, false, new WideFrames());
  }

  private DrawnSubject(
      Drawn drawn,
      PageAllocatorProvider provider,
      Options options,
      boolean withMemory,
      boolean contents,
      FrameAllocatorProvider frames) {
    this.drawn = drawn;
    this.provider = provider;
    this.options = options;
    this.withMemory = withMemory;
    machine = drawn.boot(provider, options, withMemory, contents, frames);
    pages = machine.pages();
  }

  /** The same plugin on another machine with another floor below it. */
  DrawnSubject on(Drawn other, FrameAllocatorProvider frames) {
    return new DrawnSubject(other, provider, options, true, false, frames);
  }

  /** The same machine with bytes in its memory. */
  DrawnSubject withContents() {
    return new DrawnSubject(drawn.again(), provider, options, true, true, new WideFrames());
  }

  PageStats stats() {
    return pages
        .stats()
        .orElseThrow(() -> new RuleViolation("statistics, as on every machine", "none"));
  }

  @Override
  public void validate() {
    // The frames of a machine without memory cannot be walked.
    if (withMemory) {
      machine.validate();
    }
  }

  @Override
  public void close() {
    machine.close();
  }
}
