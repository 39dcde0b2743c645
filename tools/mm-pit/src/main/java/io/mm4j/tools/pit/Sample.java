// SPDX-License-Identifier: Apache-2.0

package io.mm4j.tools.pit;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.pitest.mutationtest.build.InterceptorType;
import org.pitest.mutationtest.build.ProjectMutationInterceptor;
import org.pitest.mutationtest.engine.MutationDetails;
import org.pitest.mutationtest.engine.MutationIdentifier;

/**
 * Keeps at most so many mutants of each package, always the same ones while the code is the same.
 *
 * <p>Steps: every mutant gets a number made from its name (class, method, operator, place in the
 * method) and the seed; of each package those with the smallest numbers stay. So a mutant that
 * appears elsewhere changes hardly anything, and another seed gives another sample.
 */
final class Sample implements ProjectMutationInterceptor {
  private final int most;
  private final String seed;

  Sample(int most, String seed) {
    this.most = most;
    this.seed = seed;
  }

  @Override
  public Collection<MutationDetails> intercept(Collection<MutationDetails> mutations) {
    Map<String, List<MutationDetails>> byPackage = new TreeMap<>();
    for (MutationDetails each : mutations) {
      byPackage
          .computeIfAbsent(each.getClassName().getPackage().asJavaName(), p -> new ArrayList<>())
          .add(each);
    }
    List<MutationDetails> kept = new ArrayList<>();
    for (List<MutationDetails> all : byPackage.values()) {
      all.sort(
          Comparator.comparingLong((MutationDetails each) -> number(each.getId()))
              .thenComparing(MutationDetails::getId));
      kept.addAll(all.subList(0, Math.min(most, all.size())));
    }
    return kept;
  }

  private long number(MutationIdentifier id) {
    CRC32C sum = new CRC32C();
    String name =
        seed
            + ' '
            + id.getLocation().describe()
            + ' '
            + id.getLocation().getMethodDesc()
            + ' '
            + id.getMutator()
            + ' '
            + id.getFirstIndex();
    sum.update(name.getBytes(StandardCharsets.UTF_8));
    return sum.getValue();
  }

  /** After everything that leaves mutants out for a reason. */
  @Override
  public InterceptorType type() {
    return InterceptorType.REPORT;
  }
}
