// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Trial;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A rule of VMA indexes: what must be true after each operation of a random list. */
public final class VmaIndexRule extends Rule<VmaIndexProvider> {
  private static final int OPERATIONS = 250;
  private static final int[] LIMITS = {1, 7, 60, 3000, 3000, 3000, 3000, 3000};

  /** The largest limit of a rule about full indexes. */
  private static final int FEW = 16;

  private final boolean allocationFree;
  private final boolean few;
  private final Consumer<VmaSubject> check;

  public VmaIndexRule(RuleInfo info, boolean allocationFree, Consumer<VmaSubject> check) {
    this(info, allocationFree, false, check);
  }

  private VmaIndexRule(
      RuleInfo info, boolean allocationFree, boolean few, Consumer<VmaSubject> check) {
    super(Spi.VMA_INDEX, info);
    this.allocationFree = allocationFree;
    this.few = few;
    this.check = check;
  }

  /** The same on indexes of so few VMAs that they are full again and again. */
  public VmaIndexRule ofFew() {
    return new VmaIndexRule(info(), allocationFree, true, check);
  }

  @Override
  public @Nullable String missing(VmaIndexProvider provider, Options options) {
    return allocationFree && !provider.capabilities().allocationFree()
        ? "it does not claim to be allocation-free"
        : null;
  }

  @Override
  public Trial<VmaSubject> trial(VmaIndexProvider provider, Options options, long seed) {
    int limit =
        few
            ? 1 + (int) Long.remainderUnsigned(seed, FEW)
            : LIMITS[(int) Long.remainderUnsigned(seed * 31, LIMITS.length)];
    int maxVmas = Math.min(provider.capabilities().maxVmas(), limit);
    return new Trial<>() {
      @Override
      public List<Operation<VmaSubject>> operations() {
        return VmaMix.random(seed, OPERATIONS);
      }

      @Override
      public VmaSubject open() {
        if (few) {
          ChangeRules.limits(provider, options);
        }
        return new VmaSubject(provider.create(maxVmas, options), maxVmas);
      }

      @Override
      public String setup() {
        return "an index of at most " + maxVmas + " VMAs";
      }

      @Override
      public void afterStep(VmaSubject subject) {
        check.accept(subject);
      }

      @Override
      public int validateEvery() {
        return 16;
      }
    };
  }
}
