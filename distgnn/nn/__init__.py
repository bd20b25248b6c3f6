"""The model zoo: everything public is importable from here."""

from distgnn.nn.aggr.base import Aggregation
from distgnn.nn.aggr.basic import (
    MaxAggregation,
    MeanAggregation,
    MinAggregation,
    MulAggregation,
    StdAggregation,
    SumAggregation,
    VarAggregation,
)
from distgnn.nn.aggr.lstm import LSTMAggregation
from distgnn.nn.aggr.median import MedianAggregation
from distgnn.nn.aggr.multi import MultiAggregation
from distgnn.nn.aggr.power_mean import PowerMeanAggregation
from distgnn.nn.aggr.scaler import DegreeScalerAggregation
from distgnn.nn.aggr.softmax import SoftmaxAggregation
from distgnn.nn.conv.cf_conv import CFConv
from distgnn.nn.conv.edge_conv import EdgeConv
from distgnn.nn.conv.gat_conv import GATConv
from distgnn.nn.conv.gate_conv import GATEConv
from distgnn.nn.conv.gatv2_conv import GATv2Conv
from distgnn.nn.conv.gcn_conv import GCNConv
from distgnn.nn.conv.gen_conv import GENConv
from distgnn.nn.conv.gin_conv import GINConv, GINEConv
from distgnn.nn.conv.graph_conv import GraphConv
from distgnn.nn.conv.hetero_conv import HeteroConv
from distgnn.nn.conv.hgt_conv import HGTConv
from distgnn.nn.conv.lg_conv import LGConv
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.conv.mf_conv import MFConv
from distgnn.nn.conv.pna_conv import PNAConv
from distgnn.nn.conv.rgcn_conv import RGCNConv
from distgnn.nn.conv.sage_conv import SAGEConv
from distgnn.nn.conv.signed_conv import SignedConv
from distgnn.nn.conv.simple_conv import SimpleConv
from distgnn.nn.conv.transformer_conv import TransformerConv
from distgnn.nn.kge.base import KGEModel
from distgnn.nn.kge.complex import ComplEx
from distgnn.nn.kge.distmult import DistMult
from distgnn.nn.kge.known import KnownTriples
from distgnn.nn.kge.rotate import RotatE
from distgnn.nn.kge.transe import TransE
from distgnn.nn.linear import HeteroDictLinear, Linear
from distgnn.nn.models.attentive_fp import AttentiveFP
from distgnn.nn.models.autoencoder import ARGA, ARGVA, GAE, VGAE, InnerProductDecoder
from distgnn.nn.models.basic_gnn import BasicGNN
from distgnn.nn.models.captum import (
    CaptumHeteroModel,
    CaptumModel,
    MaskLevelType,
    captum_output_to_dicts,
    to_captum_input,
    to_captum_model,
)
from distgnn.nn.models.correct_and_smooth import CorrectAndSmooth
from distgnn.nn.models.deep_graph_infomax import DeepGraphInfomax
from distgnn.nn.models.deepgcn import DeepGCNLayer
from distgnn.nn.models.dimenet import (
    BesselBasisLayer,
    DimeNet,
    DimeNetPlusPlus,
    Envelope,
    ResidualLayer,
)
from distgnn.nn.models.edge_cnn import EdgeCNN
from distgnn.nn.models.g_retriever import GRetriever
from distgnn.nn.models.gat import GAT
from distgnn.nn.models.gcn import GCN
from distgnn.nn.models.gin import GIN
from distgnn.nn.models.gnnff import GNNFF
from distgnn.nn.models.graph_sage import GraphSAGE
from distgnn.nn.models.graph_unet import GraphUNet
from distgnn.nn.models.jumping_knowledge import HeteroJumpingKnowledge, JumpingKnowledge
from distgnn.nn.models.label_prop import LabelPropagation
from distgnn.nn.models.lightgcn import BPRLoss, LightGCN
from distgnn.nn.models.linkx import LINKX
from distgnn.nn.models.llm import LLM
from distgnn.nn.models.mask_label import MaskLabel
from distgnn.nn.models.meta import MetaLayer
from distgnn.nn.models.metapath2vec import MetaPath2Vec
from distgnn.nn.models.mlp import MLP
from distgnn.nn.models.neural_fingerprint import NeuralFingerprint
from distgnn.nn.models.node2vec import Node2Vec
from distgnn.nn.models.pmlp import PMLP
from distgnn.nn.models.pna import PNA
from distgnn.nn.models.re_net import RENet
from distgnn.nn.models.rect import RECT_L
from distgnn.nn.models.rev_gnn import GroupAddRev
from distgnn.nn.models.schnet import RadiusInteractionGraph, SchNet
from distgnn.nn.models.signed_gcn import SignedGCN
from distgnn.nn.models.tgn import (
    IdentityMessage,
    LastAggregator,
    LastNeighborLoader,
    MeanAggregator,
    TGNMemory,
    TimeEncoder,
)
from distgnn.nn.models.visnet import ViSNet
from distgnn.nn.norm.batch_norm import BatchNorm
from distgnn.nn.norm.diff_group_norm import DiffGroupNorm
from distgnn.nn.norm.graph_norm import GraphNorm
from distgnn.nn.norm.graph_size_norm import GraphSizeNorm
from distgnn.nn.norm.instance_norm import InstanceNorm
from distgnn.nn.norm.layer_norm import LayerNorm
from distgnn.nn.norm.mean_subtraction_norm import MeanSubtractionNorm
from distgnn.nn.norm.message_norm import MessageNorm
from distgnn.nn.norm.pair_norm import PairNorm
from distgnn.nn.pool.connect import Connect, ConnectOutput, FilterEdges
from distgnn.nn.pool.glob import global_add_pool, global_max_pool, global_mean_pool
from distgnn.nn.pool.select import Select, SelectOutput, SelectTopK
from distgnn.nn.pool.topk_pooling import TopKPooling
from distgnn.nn.reset import reset
from distgnn.nn.resolver import (
    activation_resolver,
    aggregation_resolver,
    normalization_resolver,
    swish,
)
from distgnn.nn.utils.radius import radius_graph

__all__ = [
    "ARGA",
    "ARGVA",
    "GAE",
    "GAT",
    "GCN",
    "GIN",
    "GNNFF",
    "LINKX",
    "LLM",
    "MLP",
    "PMLP",
    "PNA",
    "RECT_L",
    "VGAE",
    "Aggregation",
    "AttentiveFP",
    "BPRLoss",
    "BasicGNN",
    "BatchNorm",
    "BesselBasisLayer",
    "CFConv",
    "CaptumHeteroModel",
    "CaptumModel",
    "ComplEx",
    "Connect",
    "ConnectOutput",
    "CorrectAndSmooth",
    "DeepGCNLayer",
    "DeepGraphInfomax",
    "DegreeScalerAggregation",
    "DiffGroupNorm",
    "DimeNet",
    "DimeNetPlusPlus",
    "DistMult",
    "EdgeCNN",
    "EdgeConv",
    "Envelope",
    "FilterEdges",
    "GATConv",
    "GATEConv",
    "GATv2Conv",
    "GCNConv",
    "GENConv",
    "GINConv",
    "GINEConv",
    "GRetriever",
    "GraphConv",
    "GraphNorm",
    "GraphSAGE",
    "GraphSizeNorm",
    "GraphUNet",
    "GroupAddRev",
    "HGTConv",
    "HeteroConv",
    "HeteroDictLinear",
    "HeteroJumpingKnowledge",
    "IdentityMessage",
    "InnerProductDecoder",
    "InstanceNorm",
    "JumpingKnowledge",
    "KGEModel",
    "KnownTriples",
    "LGConv",
    "LSTMAggregation",
    "LabelPropagation",
    "LastAggregator",
    "LastNeighborLoader",
    "LayerNorm",
    "LightGCN",
    "Linear",
    "MFConv",
    "MaskLabel",
    "MaskLevelType",
    "MaxAggregation",
    "MeanAggregation",
    "MeanAggregator",
    "MeanSubtractionNorm",
    "MedianAggregation",
    "MessageNorm",
    "MessagePassing",
    "MetaLayer",
    "MetaPath2Vec",
    "MinAggregation",
    "MulAggregation",
    "MultiAggregation",
    "NeuralFingerprint",
    "Node2Vec",
    "PNAConv",
    "PairNorm",
    "PowerMeanAggregation",
    "RENet",
    "RGCNConv",
    "RadiusInteractionGraph",
    "ResidualLayer",
    "RotatE",
    "SAGEConv",
    "SchNet",
    "Select",
    "SelectOutput",
    "SelectTopK",
    "SignedConv",
    "SignedGCN",
    "SimpleConv",
    "SoftmaxAggregation",
    "StdAggregation",
    "SumAggregation",
    "TGNMemory",
    "TimeEncoder",
    "TopKPooling",
    "TransE",
    "TransformerConv",
    "VarAggregation",
    "ViSNet",
    "activation_resolver",
    "aggregation_resolver",
    "captum_output_to_dicts",
    "global_add_pool",
    "global_max_pool",
    "global_mean_pool",
    "normalization_resolver",
    "radius_graph",
    "reset",
    "swish",
    "to_captum_input",
    "to_captum_model",
]
