// SPDX-License-Identifier: Apache-2.0

package io.mm4j.tools.pit;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.objectweb.asm.tree.AbstractInsnNode;
import org.objectweb.asm.tree.LineNumberNode;
import org.objectweb.asm.tree.MethodInsnNode;
import org.pitest.bytecode.analysis.ClassTree;
import org.pitest.bytecode.analysis.MethodTree;
import org.pitest.mutationtest.build.InterceptorType;
import org.pitest.mutationtest.build.MutationInterceptor;
import org.pitest.mutationtest.engine.Mutater;
import org.pitest.mutationtest.engine.MutationDetails;

/**
 * Leaves out lines that call something which only explains: whether anybody listens, and what is
 * said then. PIT's own {@code avoidCallsTo} knows classes only.
 */
final class ExplainLines implements MutationInterceptor {
  private Set<Integer> lines = Set.of();

  @Override
  public void begin(ClassTree clazz) {
    lines = new HashSet<>();
    for (MethodTree method : clazz.methods()) {
      int line = -1;
      for (AbstractInsnNode each : method.instructions()) {
        if (each instanceof LineNumberNode number) {
          line = number.line;
        } else if (each instanceof MethodInsnNode call && explains(call)) {
          lines.add(line);
        }
      }
    }
  }

  private static boolean explains(MethodInsnNode call) {
    return call.name.startsWith("explain")
        || call.name.equals("describe")
        || (call.name.equals("step") && call.desc.contains("Ljava/lang/String;"));
  }

  @Override
  public Collection<MutationDetails> intercept(
      Collection<MutationDetails> mutations, Mutater mutater) {
    List<MutationDetails> kept = new ArrayList<>(mutations);
    kept.removeIf(each -> lines.contains(each.getLineNumber()));
    return kept;
  }

  @Override
  public void end() {
    lines = Set.of();
  }

  @Override
  public InterceptorType type() {
    return InterceptorType.FILTER;
  }
}
