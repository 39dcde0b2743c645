// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** PM-B10: what cannot be booted is refused in words. */
final class BootChoiceRule extends Rule<PhysicalMemoryProvider> {
  private static final List<String> NAMES = List.of("memblock", "bootmem");

  BootChoiceRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-B10",
            "boot-by-name",
            "boot= names memblock or bootmem; another name is refused with these two, and a machine"
                + " that is too large for one of them with what is allowed.",
            "A misspelt option that is ignored is found much later.",
            "mm4j's rule for bad input",
            "an unknown name is taken for the default, or a table is made of a size that is cut"));
  }

  @Override
  public @Nullable String missing(PhysicalMemoryProvider provider, Options options) {
    return BootRule.hasOption(provider) ? null : "it has no option boot";
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    MemoryLayout small = MachineShape.any(random, MachineShape.Size.SMALL).layout();
    MemoryLayout far = MachineShape.any(random, MachineShape.Size.FAR).layout();
    return new OneCheck(
        () -> {
          String refused = refusal(provider, options, "memblok", small);
          check(
              refused != null && NAMES.stream().allMatch(refused::contains),
              "boot=memblok refused, naming " + NAMES,
              "" + refused);
          for (String name : NAMES) {
            String why = refusal(provider, options, name, small);
            check(why == null, "boot=" + name + " accepted", "" + why);
            refusal(provider, options, name, far);
          }
        });
  }

  /** Why it is refused; null if it is not. What else is thrown has failed. */
  private static @Nullable String refusal(
      PhysicalMemoryProvider provider, Options options, String boot, MemoryLayout layout) {
    try (PhysicalMemory memory =
        provider.create(layout, Contents.NONE, BootRule.with(provider, options, boot))) {
      memory.bootAllocator().handOver((start, end) -> check(start < end, "frames", "none"));
      return null;
    } catch (InputException e) {
      check(!e.allowed().isBlank(), "what is allowed instead", "nothing");
      return e.getMessage();
    }
  }
}
