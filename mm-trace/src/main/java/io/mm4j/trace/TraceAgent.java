// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import static net.bytebuddy.matcher.ElementMatchers.isAbstract;
import static net.bytebuddy.matcher.ElementMatchers.isEnum;
import static net.bytebuddy.matcher.ElementMatchers.isMethod;
import static net.bytebuddy.matcher.ElementMatchers.isNative;
import static net.bytebuddy.matcher.ElementMatchers.isRecord;
import static net.bytebuddy.matcher.ElementMatchers.isSynthetic;
import static net.bytebuddy.matcher.ElementMatchers.nameStartsWith;
import static net.bytebuddy.matcher.ElementMatchers.not;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.MethodModel;
import java.lang.instrument.Instrumentation;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import net.bytebuddy.agent.builder.AgentBuilder;
import net.bytebuddy.agent.builder.ResettableClassFileTransformer;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.matcher.ElementMatcher;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The Java agent of the function graph: {@code java -javaagent:mm-trace.jar}. It does nothing until
 * {@link #graph} lets the methods of plugins report to {@link FunctionGraph}; closing what that
 * returns gives the methods their own code back.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class TraceAgent {
  /** Where kernel functions are: mm4j's own floors. */
  private static final Set<String> PACKAGES =
      Set.of(
          "io.mm4j.api.page.PageCalls",
          "io.mm4j.api.page.PageAllocator",
          "io.mm4j.api.page.CpuPages",
          "io.mm4j.api.slab.SlabAllocator",
          "io.mm4j.api.slab.CpuSlabs",
          "io.mm4j.buddy.",
          "io.mm4j.slab.",
          "io.mm4j.vmalloc.",
          "io.mm4j.process.");

  /** Methods of fewer bytes of code are taken for inlined: {@code MaxInlineSize} of HotSpot. */
  private static final int LEAST_BYTES = 35;

  private static volatile @Nullable Instrumentation instrumentation;

  private TraceAgent() {}

  /** The JVM calls this before the program. */
  public static void premain(String arguments, Instrumentation given) {
    instrumentation = given;
  }

  /** The JVM calls this when the agent is attached to a program that runs. */
  public static void agentmain(String arguments, Instrumentation given) {
    instrumentation = given;
  }

  /** Whether the JVM was started with the agent. */
  public static boolean isThere() {
    return instrumentation != null;
  }

  /** Methods that report; closing it ends that. */
  public interface Installed extends AutoCloseable {
    @Override
    void close();
  }

  /** What is put around each method. */
  static final class Around {
    private Around() {}

    /** Before the method. */
    @Advice.OnMethodEnter
    static void enter(@Advice.Origin("#t.#m/#d") String origin) {
      FunctionGraph.enter(origin);
    }

    /** After it, however it ends. */
    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit() {
      FunctionGraph.exit();
    }
  }

  /**
   * Lets methods report to a graph.
   *
   * @param further packages of a third party's plugins, such as {@code org.example.}
   * @throws IllegalStateException without the agent
   */
  public static Installed graph(FunctionGraph graph, Set<String> further) {
    Instrumentation agent = instrumentation;
    if (agent == null) {
      throw new IllegalStateException("the JVM was not started with -javaagent:mm-trace.jar");
    }
    Module own = TraceAgent.class.getModule();
    for (Module module : ModuleLayer.boot().modules()) {
      if (module.isNamed() && module.getName().startsWith("io.mm4j.") && module != own) {
        agent.redefineModule(module, Set.of(own), Map.of(), Map.of(), Set.of(), Map.of());
      }
    }
    ElementMatcher.Junction<TypeDescription> types = nameStartsWith("io.mm4j.no.such.package");
    for (String prefix : PACKAGES) {
      types = types.or(nameStartsWith(prefix));
    }
    for (String prefix : further) {
      types = types.or(nameStartsWith(prefix));
    }
    ElementMatcher.Junction<MethodDescription> methods =
        isMethod()
            .and(not(isAbstract()))
            .and(not(isNative()))
            .and(not(isSynthetic()))
            .and(method -> !Set.of("equals", "watch", "on").contains(method.getName()));
    ResettableClassFileTransformer installed =
        new AgentBuilder.Default()
            .disableClassFormatChanges()
            .with(AgentBuilder.RedefinitionStrategy.RETRANSFORMATION)
            .ignore(isSynthetic().or(isEnum()).or(isRecord()))
            .type(types)
            .transform(
                (builder, type, loader, module, domain) -> {
                  boolean ours = type.getName().startsWith("io.mm4j.");
                  Set<String> small =
                      ours ? Set.of() : small(type.getInternalName() + ".class", loader);
                  return builder.visit(
                      Advice.to(Around.class)
                          .on(
                              methods.and(
                                  m ->
                                      ours
                                          ? isShown(type, m)
                                          : !m.getParameters().isEmpty()
                                              && !small.contains(
                                                  m.getInternalName() + m.getDescriptor()))));
                })
            .installOn(agent);
    graph.start();
    return () -> {
      FunctionGraph.stop();
      installed.reset(agent, AgentBuilder.RedefinitionStrategy.RETRANSFORMATION);
    };
  }

  private static boolean isShown(TypeDescription type, MethodDescription method) {
    return KernelNames.isShown(
        type.getSimpleName(), method.getName(), method.getParameters().size());
  }

  /** The methods of a class that a compiler would inline wherever they are called. */
  private static Set<String> small(String file, @Nullable ClassLoader loader) {
    try (InputStream in =
        loader == null
            ? ClassLoader.getSystemResourceAsStream(file)
            : loader.getResourceAsStream(file)) {
      if (in == null) {
        return Set.of();
      }
      Set<String> small = new HashSet<>();
      for (MethodModel method : ClassFile.of().parse(in.readAllBytes()).methods()) {
        boolean isSmall =
            method
                .findAttribute(Attributes.code())
                .filter(code -> code.codeLength() < LEAST_BYTES)
                .isPresent();
        if (isSmall) {
          small.add(method.methodName().stringValue() + method.methodType().stringValue());
        }
      }
      return small;
    } catch (IOException e) {
      return Set.of();
    }
  }
}
