// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.format;

import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.plugin.Options;

/** Provides the page-table format {@code x86-32}. */
public final class X8632Provider implements PageTableFormatProvider {
  /** For the service loader. */
  public X8632Provider() {}

  @Override
  public String name() {
    return "x86-32";
  }

  @Override
  public String summary() {
    return "two levels of 1024 entries of 4 bytes";
  }

  @Override
  public PageTableFormat create(Options options) {
    return X86.twoLevels(name());
  }
}
