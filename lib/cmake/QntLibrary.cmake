# qnt_library(NAME SOURCES... [LINK libs...] [DEPENDS targets...])
#   A static library of the compiler, linked against the shared LLVM and MLIR.
# qnt_plain_library(NAME SOURCES... [LINK libs...])
#   A static library that does not see LLVM or MLIR (runtime, tokenisers, ...).
#   Either is part of an installation when it lives in dialects/ or lib/.
function(qnt_installed name)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if(folder MATCHES "^(dialects|lib)(/|$)")
    set_property(GLOBAL APPEND PROPERTY QNT_INSTALLED ${name})
    target_include_directories(${name} INTERFACE
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  endif()
endfunction()

function(qnt_plain_library name)
  cmake_parse_arguments(ARG "" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wno-unused-parameter)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  qnt_installed(${name})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# Compiles the headers of precompiled.h, which cost more than half of what a file
# of the compiler does, once for all. CMake's own target_precompile_headers passes
# absolute paths in a form that ccache cannot share between checkouts.
function(qnt_precompile)
  set(header ${PROJECT_SOURCE_DIR}/lib/cmake/precompiled.h)
  set(output ${PROJECT_BINARY_DIR}/precompiled.pch)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
  separate_arguments(flags NATIVE_COMMAND
    "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${config}}")
  get_directory_property(definitions COMPILE_DEFINITIONS)
  list(TRANSFORM definitions PREPEND -D)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_CXX_COMPILER} ${definitions}
      -isystem ${LLVM_INCLUDE_DIRS} ${flags} -fPIC -std=c++20
      -Xclang -fno-pch-timestamp -x c++-header ${header} -o ${output}
      -MD -MT ${output} -MF ${output}.d
    DEPFILE ${output}.d DEPENDS ${header} VERBATIM
    COMMENT "Precompiling headers")
  # Stands for the file in ccache's keys (CCACHE_PCH_EXTSUM): its own bytes name
  # this checkout.
  file(SHA256 ${header} sum)
  file(WRITE ${output}.sum "${sum} ${LLVM_PACKAGE_VERSION} ${flags}")
  add_custom_target(QntPrecompiled DEPENDS ${output})
endfunction()

function(qnt_library name)
  cmake_parse_arguments(ARG "" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  llvm_update_compile_flags(${name})
  if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    if(NOT TARGET QntPrecompiled)
      qnt_precompile()
    endif()
    add_dependencies(${name} QntPrecompiled)
    target_compile_options(${name} PRIVATE
      -include-pch ${PROJECT_BINARY_DIR}/precompiled.pch)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  qnt_installed(${name})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# qnt_executable(NAME SOURCES... [LINK libs...])
function(qnt_executable name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  llvm_update_compile_flags(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()
