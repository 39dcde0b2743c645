// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import java.util.List;

/** Provides the slab allocator {@code slab}. */
public final class BonwickProvider implements SlabAllocatorProvider {
  private static final Capabilities CAPABILITIES = new Capabilities(false, false, false, true);

  /** For the service loader. */
  public BonwickProvider() {}

  @Override
  public String name() {
    return "slab";
  }

  @Override
  public String summary() {
    return "as Linux 2.4 and 2.6: full, partial and free slabs, colours, per-cpu arrays";
  }

  @Override
  public List<OptionSpec> options() {
    return List.of(
        new OptionSpec(
            "form",
            OptionSpec.Type.TEXT,
            "auto",
            "2.4, 2.6, or auto: 2.4 on x86-32-2.4, else 2.6"));
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public SlabAllocator create(Floors floors, Options options) {
    return new BonwickAllocator(floors, Form.of(options.text("form"), floors));
  }
}
