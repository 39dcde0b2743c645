// SPDX-License-Identifier: Apache-2.0

/** Benchmarks of the hot paths, each beside its peers. */
@NullMarked
package io.mm4j.bench;

import org.jspecify.annotations.NullMarked;
