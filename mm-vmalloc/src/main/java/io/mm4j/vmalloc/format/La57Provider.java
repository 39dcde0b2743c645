// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.format;

import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import java.util.List;

/** Provides the page-table format {@code la57}. */
public final class La57Provider implements PageTableFormatProvider {
  /** For the service loader. */
  public La57Provider() {}

  @Override
  public String name() {
    return "la57";
  }

  @Override
  public String summary() {
    return "five levels of 512 entries, 57 bits of addresses";
  }

  @Override
  public List<OptionSpec> options() {
    return List.of(
        new OptionSpec(
            "gbpages", OptionSpec.Type.BOOLEAN, "true", "whether the CPU has pages of 1 GiB"));
  }

  @Override
  public PageTableFormat create(Options options) {
    return X86.fiveLevels(name(), options.flag("gbpages"));
  }
}
