// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** PM-B10: what cannot be booted is refused in words. */
final class BootChoiceRule extends Rule<PhysicalMemoryProvider> {
  private static final List<String> NAMES = List.of("memblock", "bootmem");
  private static final Pattern UP_TO = Pattern.compile("allowed: memory up to ([^) ]+)");

  BootChoiceRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-B10",
            "boot-by-name",
            "boot= names memblock or bootmem; another name is refused with these two, and a machine"
                + " that is too large for one of them with what is allowed: that much is, and not a"
                + " page more.",
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
            String tooLarge = refusal(provider, options, name, far);
            if (tooLarge != null && tooLarge.contains("boot=" + name)) {
              limit(provider, options, name, tooLarge);
            }
          }
        });
  }

  /** The largest size that a refusal names is accepted, and a page more refused. */
  private static void limit(
      PhysicalMemoryProvider provider, Options options, String name, String refusal) {
    Matcher named = UP_TO.matcher(refusal);
    check(named.find(), "up to which size", refusal);
    long bytes = Sizes.parseSize(named.group(1), name);
    String why = refusal(provider, options, name, upTo(bytes));
    check(why == null, "boot=" + name + " of " + named.group(1) + " accepted", "" + why);
    String more = refusal(provider, options, name, upTo(bytes + Pages.PAGE_SIZE));
    check(more != null, "boot=" + name + " of a page more refused", "accepted");
  }

  /** A machine with one zone that ends there. */
  private static MemoryLayout upTo(long bytes) {
    long end = bytes >>> Pages.PAGE_SHIFT;
    long start = end - Pages.PAGES_PER_SECTION;
    Zone zone =
        new Zone(ZoneType.NORMAL, 0, start, end, end - start, end - start, Migratetype.MOVABLE);
    MemoryMap.Range ram =
        new MemoryMap.Range(start << Pages.PAGE_SHIFT, bytes, MemoryMap.Type.USABLE);
    return new MemoryLayout(
        new MemoryMap(List.of(ram)), List.of(new Node(0, List.of(zone), List.of(10))));
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
