// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.format;

import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.plugin.Options;

/** Provides the page-table format {@code x86-pae}. */
public final class X86PaeProvider implements PageTableFormatProvider {
  /** For the service loader. */
  public X86PaeProvider() {}

  @Override
  public String name() {
    return "x86-pae";
  }

  @Override
  public String summary() {
    return "three levels, 4 and 512 entries: 32 bits to 52";
  }

  @Override
  public PageTableFormat create(Options options) {
    return X86.pae(name());
  }
}
